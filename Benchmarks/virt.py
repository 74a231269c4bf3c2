"""The few libvirt calls of the raw side, through ctypes: Debian's libvirt.so.0 is on every host, its Python bindings are not."""

import ctypes

_library = ctypes.CDLL("libvirt.so.0")
_calls = {
    "virConnectOpen": [ctypes.c_char_p],
    "virDomainLookupByUUIDString": [ctypes.c_void_p, ctypes.c_char_p],
    "virDomainDefineXML": [ctypes.c_void_p, ctypes.c_char_p],
}
for _name, _arguments in _calls.items():
    getattr(_library, _name).argtypes = _arguments
    getattr(_library, _name).restype = ctypes.c_void_p
for _name in ("virDomainCreate", "virDomainDestroy", "virDomainUndefine", "virDomainFree", "virConnectClose"):
    getattr(_library, _name).argtypes = [ctypes.c_void_p]
_library.virDomainGetXMLDesc.argtypes = [ctypes.c_void_p, ctypes.c_uint]
_library.virDomainGetXMLDesc.restype = ctypes.c_void_p
_libc = ctypes.CDLL(None)
_libc.free.argtypes = [ctypes.c_void_p]
_INACTIVE = 2  # VIR_DOMAIN_XML_INACTIVE


class Connection:
    """One connection, kept open. Every call raises OSError when libvirt refuses; libvirt has then said why on standard error."""

    def __init__(self, uri):
        self._connection = _there(_library.virConnectOpen(uri.encode()), "connect")

    def close(self):
        _library.virConnectClose(self._connection)

    def xml(self, uuid):
        domain = _there(_library.virDomainLookupByUUIDString(self._connection, uuid.encode()), "look up")
        text = _there(_library.virDomainGetXMLDesc(domain, _INACTIVE), "describe")
        result = ctypes.string_at(text).decode()
        _libc.free(text)
        _library.virDomainFree(domain)
        return result

    def define(self, xml):
        return _there(_library.virDomainDefineXML(self._connection, xml.encode()), "define")


def start(domain):
    _fine(_library.virDomainCreate(domain), "start")


def remove(domain):
    _fine(_library.virDomainDestroy(domain), "destroy")
    _fine(_library.virDomainUndefine(domain), "undefine")
    _library.virDomainFree(domain)


def _there(pointer, verb):
    if not pointer:
        raise OSError(f"libvirt cannot {verb}")
    return pointer


def _fine(result, verb):
    if result != 0:
        raise OSError(f"libvirt cannot {verb}")
