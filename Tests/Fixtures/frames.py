"""Sends raw frames as a hostile guest would and counts what its victim gets.

frames.py all ATTACKER VICTIM UPLINK           every frame of the table, COPIES times; prints {name: delivered}
frames.py flow ATTACKER VICTIM UPLINK DIR      a true and a forged frame in turn from when DIR exists until DIR/stop does; prints
                                               {"sent", "true", "forged"}; makes DIR/started after the first ones
frames.py control ATTACKER VICTIM UPLINK       a frame to each address that bridges keep for themselves (01:80:c2:00:00:0x)
                                               from a forged MAC (02:00:00:00:00:7x); prints {}

The three are links of the namespace that it runs in; frames of UPLINK are not filtered, so the last one ends the counting: all
run over one processor, in order. A mark behind each frame's payload, where Ethernet pads, tells the frames apart.
"""
import json, os, select, socket, struct, sys, time

COPIES = 5
DEADLINE_SECONDS = 30
MARK = b"hostal"
LAST = 0xFFFF

mac = lambda text: bytes.fromhex(text.replace(":", ""))
OWN, VICTIM, OTHER = mac("02:00:00:00:00:0a"), mac("02:00:00:00:00:0b"), mac("02:00:00:00:00:77")
BROADCAST = b"\xff" * 6
ip4 = socket.inet_aton
ip6 = lambda text: socket.inet_pton(socket.AF_INET6, text)
ME4, YOU4, GATE4 = "10.66.0.11", "10.66.0.12", "10.66.0.1"
ME6, YOU6, GATE6, LINK6 = "fd66::11", "fd66::12", "fd66::1", "fe80::ff:fe00:a"
UDP, ICMP6, IGMP = 17, 58, 2


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def ether(kind, payload, card=OWN, onto=VICTIM):
    return onto + card + struct.pack("!H", kind) + payload


def v4(source, payload, protocol=1, to=YOU4, options=b"", fragment=0, **link):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBB", 0x40 | words, 0, words * 4 + len(payload), 1, fragment, 64, protocol)
    ends = ip4(source) + ip4(to) + options
    return ether(0x0800, head + checksum(head + b"\0\0" + ends) + ends + payload, **link)


def v6(source, payload, following=ICMP6, to=YOU6, hops=255, **link):
    return ether(0x86DD, struct.pack("!IHBB", 6 << 28, len(payload), following, hops) + ip6(source) + ip6(to) + payload, **link)


def icmp6(kind, body, source, to=YOU6):
    head = struct.pack("!BBH", kind, 0, 0)
    pseudo = ip6(source) + ip6(to) + struct.pack("!II", len(head + body), ICMP6)
    return head[:2] + checksum(pseudo + head + body) + body


def icmp4(kind):
    body = struct.pack("!BBHHH", kind, 0, 0, 7, 1) + b"x" * 24
    return body[:2] + checksum(body) + body[4:]


def udp(source, to, size=40):
    return struct.pack("!HHHH", source, to, 8 + size, 0) + b"x" * size


def arp(operation, sender, target, sender_mac=OWN, form=(1, 0x0800, 6, 4), **link):
    return ether(0x0806, struct.pack("!HHBBH", *form, operation) + sender_mac + ip4(sender) + bytes(6) + ip4(target), **link)


def option(kind, address=OWN):
    return bytes([kind, 1]) + address


def solicitation(source, target, options=b"", **link):
    group = "ff02::1:ff00:12"
    return v6(source, icmp6(135, bytes(4) + ip6(target) + options, source, group), to=group, **link)


def advertisement(source, target, options=b""):
    return icmp6(136, b"\x60\0\0\0" + ip6(target) + options, source)


def router_advertisement(source=LINK6):
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + ip6("fdba:d::")
    return icmp6(134, struct.pack("!BBHII", 64, 0, 1800, 0, 0) + option(1) + prefix, source, "ff02::1")


def fragment(following, payload, offset=0, more=0):
    return struct.pack("!BBHI", following, 0, offset << 3 | more, 7) + payload


def extension(following):
    """Hop-by-hop (0), routing (43) or destination options (60), of 8 bytes: a header that only passes on to the next."""
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


echo6 = lambda source, to=YOU6: icmp6(128, struct.pack("!HH", 7, 1) + b"x" * 32, source, to)
report6 = lambda source: icmp6(143, struct.pack("!HHBBH", 0, 1, 4, 0, 0) + ip6("ff02::1:ff00:11"), source, "ff02::16")
NONCE = b"\x0e\x01nonce!"
DHCP = udp(67, 68, 240)
RA, NA = router_advertisement(), advertisement(ME6, GATE6, option(2))
REDIRECT = icmp6(137, bytes(4) + ip6(YOU6) + ip6("fd66::99"), LINK6)

FRAMES = {
    # What belongs to the guest.
    "IPv4": v4(ME4, icmp4(8)),
    "IPv4 UDP": v4(ME4, udp(5000, 53), UDP),
    "IPv4 with options": v4(ME4, udp(5000, 53), UDP, options=b"\x94\x04\0\0"),
    "IPv4 first fragment": v4(ME4, udp(5000, 53), UDP, fragment=0x2000),
    "IPv4 later fragment": v4(ME4, b"x" * 40, UDP, fragment=5),
    "IGMP report": v4(ME4, b"\x16\0\0\0" + ip4("239.1.1.1"), IGMP, "239.1.1.1"),
    "IPv6": v6(ME6, echo6(ME6)),
    "IPv6 from its link-local address": v6(LINK6, echo6(LINK6)),
    "IPv6 UDP": v6(ME6, udp(5000, 53), UDP),
    "IPv6 behind hop-by-hop options": v6(ME6, extension(ICMP6) + echo6(ME6), 0),
    "IPv6 first fragment": v6(ME6, fragment(UDP, udp(5000, 53), more=1), 44),
    "IPv6 later fragment": v6(ME6, fragment(UDP, b"x" * 40, offset=6), 44),
    "IPv6 fragment of an echo": v6(ME6, fragment(ICMP6, echo6(ME6), more=1), 44),
    "ARP request": arp(1, ME4, YOU4),
    "ARP reply": arp(2, ME4, YOU4),
    "ARP announcement": arp(1, ME4, ME4, onto=BROADCAST),
    "ARP probe for its own address": arp(1, "0.0.0.0", ME4, onto=BROADCAST),
    "NS": solicitation(ME6, YOU6, option(1)),
    "NS without option": solicitation(LINK6, YOU6),
    "NA": v6(ME6, advertisement(ME6, ME6, option(2))),
    "NA of its link-local address": v6(LINK6, advertisement(LINK6, LINK6)),
    "NS to detect a duplicate": solicitation("::", ME6),
    "NS to detect a duplicate, nonce": solicitation("::", LINK6, NONCE),
    "RS": v6(LINK6, icmp6(133, bytes(4) + option(1), LINK6, "ff02::2"), to="ff02::2"),
    "RS without option": v6(LINK6, icmp6(133, bytes(4), LINK6, "ff02::2"), to="ff02::2"),
    "MLD report": v6(LINK6, extension(ICMP6) + report6(LINK6), 0, "ff02::16"),
    "MLD report from ::": v6("::", extension(ICMP6) + report6("::"), 0, "ff02::16"),
    # What belongs to somebody else.
    "source MAC": v4(ME4, icmp4(8), card=OTHER),
    "ARP from a foreign MAC": arp(2, ME4, YOU4, card=OTHER),
    "IPv4 source": v4("10.66.0.99", icmp4(8)),
    "IPv4 source, gateway": v4(GATE4, icmp4(8)),
    "IPv4 from 0.0.0.0": v4("0.0.0.0", udp(68, 67), UDP, "255.255.255.255"),
    "IPv4 source, later fragment": v4("10.66.0.99", b"x" * 40, UDP, fragment=5),
    "IPv6 source": v6("fd66::99", echo6("fd66::99")),
    "IPv6 source, neighbour's link-local": v6("fe80::1", echo6("fe80::1")),
    "IPv6 from ::": v6("::", echo6("::")),
    "IPv6 source, fragment": v6("fd66::99", fragment(UDP, udp(5000, 53), more=1), 44),
    "ARP sender address": arp(2, GATE4, YOU4),
    "ARP sender MAC": arp(2, ME4, YOU4, OTHER),
    "ARP reply from 0.0.0.0": arp(2, "0.0.0.0", ME4),
    "ARP probe for another's address": arp(1, "0.0.0.0", YOU4, onto=BROADCAST),
    "ARP of other hardware": arp(1, ME4, YOU4, form=(6, 0x0800, 6, 4)),
    "ARP of another protocol": arp(1, ME4, YOU4, form=(1, 0x0801, 6, 4)),
    "ARP with longer MACs": arp(1, ME4, YOU4, form=(1, 0x0800, 8, 4)),
    "ARP with longer addresses": arp(1, ME4, YOU4, form=(1, 0x0800, 6, 16)),
    "reverse ARP operation": arp(3, ME4, YOU4),
    "NA for another's address": v6(ME6, NA),
    "NA from another's address": v6("fd66::99", advertisement("fd66::99", ME6, option(2))),
    "NA with a foreign MAC": v6(ME6, advertisement(ME6, ME6, option(2, OTHER))),
    "NA with two options": v6(ME6, advertisement(ME6, ME6, option(2) + option(2, OTHER))),
    "NA behind destination options": v6(ME6, extension(ICMP6) + NA, 60),
    "NA behind options, its padding like an option": v6(ME6, extension(ICMP6) + advertisement(ME6, ME6), 60) + option(2),
    "NA in a fragment": v6(ME6, fragment(ICMP6, NA), 44),
    "NS from another's address": solicitation("fd66::99", YOU6, option(1)),
    "NS with a foreign MAC": solicitation(ME6, YOU6, option(1, OTHER)),
    "NS to detect another's address": solicitation("::", YOU6),
    "NS to detect a duplicate, with a MAC": solicitation("::", ME6, option(1)),
    "NA from ::": v6("::", advertisement("::", ME6)),
    "RS from ::": v6("::", icmp6(133, bytes(4), "::", "ff02::2"), to="ff02::2"),
    "RS with two options": v6(LINK6, icmp6(133, bytes(4) + option(1) + option(1, OTHER), LINK6, "ff02::2"), to="ff02::2"),
    "RS with a foreign MAC": v6(LINK6, icmp6(133, bytes(4) + option(1, OTHER), LINK6, "ff02::2"), to="ff02::2"),
    # What only routers and servers send.
    "RA": v6(LINK6, RA, to="ff02::1"),
    "RA behind hop-by-hop options": v6(LINK6, extension(ICMP6) + RA, 0, "ff02::1"),
    "RA behind destination options": v6(LINK6, extension(ICMP6) + RA, 60, "ff02::1"),
    "RA behind three headers": v6(LINK6, extension(60) + extension(60) + extension(ICMP6) + RA, 0, "ff02::1"),
    "RA in one fragment": v6(LINK6, fragment(ICMP6, RA), 44, "ff02::1"),
    "RA in two fragments, first": v6(LINK6, fragment(ICMP6, RA[:8], more=1), 44, "ff02::1"),
    "RA behind headers in a fragment, first": v6(LINK6, fragment(60, extension(ICMP6), more=1), 44, "ff02::1"),
    "RA behind headers in a fragment, later": v6(LINK6, fragment(60, RA, offset=1), 44, "ff02::1"),
    "RA in a fragment in a fragment": v6(LINK6, fragment(44, fragment(ICMP6, RA)), 44, "ff02::1"),
    "ICMPv6 redirect": v6(LINK6, REDIRECT),
    "MLD query": v6(LINK6, extension(ICMP6) + icmp6(130, bytes(24), LINK6, "ff02::1"), 0, "ff02::1"),
    "ICMP redirect": v4(ME4, icmp4(5)),
    "ICMP router advertisement": v4(ME4, icmp4(9)),
    "IGMP query": v4(ME4, b"\x11\x64\0\0\0\0\0\0", IGMP, "224.0.0.1"),
    "DHCP server": v4(ME4, DHCP, UDP, "255.255.255.255"),
    "DHCP server, other source port": v4(ME4, udp(4000, 68, 240), UDP),
    "DHCP server to a relay": v4(ME4, udp(67, 67, 240), UDP),
    "DHCP server behind IP options": v4(ME4, DHCP, UDP, options=b"\x94\x04\0\0"),
    "DHCP server, first fragment": v4(ME4, DHCP[:8], UDP, fragment=0x2000),
    "DHCPv6 server": v6(LINK6, udp(547, 546), UDP),
    "DHCPv6 server, other source port": v6(LINK6, udp(4000, 546), UDP),
    "DHCPv6 server to a relay": v6(LINK6, udp(547, 547), UDP),
    "DHCPv6 server behind options": v6(LINK6, extension(UDP) + udp(547, 546), 60),
    "DHCPv6 server, first fragment": v6(LINK6, fragment(UDP, udp(547, 546)[:8], more=1), 44),
    # What is no plain frame.
    "VLAN tag": ether(0x8100, b"\0\5\x08\0" + v4(ME4, icmp4(8))[14:]),
    "VLAN tag, priority only": ether(0x8100, b"\xe0\0\x08\0" + v4(ME4, icmp4(8))[14:]),
    "two VLAN tags": ether(0x8100, b"\0\5\x81\0\0\6\x08\0" + v4(ME4, icmp4(8))[14:]),
    "VLAN tag in a service tag": ether(0x88A8, b"\0\5\x81\0\0\6\x08\0" + v4(ME4, icmp4(8))[14:]),
    "VLAN tag before an RA": ether(0x8100, b"\0\0\x86\xdd" + v6(LINK6, RA, to="ff02::1")[14:]),
    "ethertype of RARP": ether(0x8035, arp(3, ME4, YOU4)[14:], onto=BROADCAST),
    "ethertype of PPPoE": ether(0x8863, b"\x11\x09" + bytes(30), onto=BROADCAST),
    "ethertype of LLDP": ether(0x88CC, bytes(46)),
    "local experimental ethertype": ether(0x88B5, bytes(46)),
    "length instead of an ethertype": ether(46, b"\xaa\xaa\x03\0\0\0\x08\0" + bytes(38)),
    "IPv4 to the address of bridges": v4(ME4, icmp4(8), onto=mac("01:80:c2:00:00:00")),
    "bridge's spanning tree": ether(38, b"\x42\x42\x03" + bytes(35), onto=mac("01:80:c2:00:00:00")),
    "IPv6 as IPv4": ether(0x0800, v6(ME6, echo6(ME6))[14:]),
    "IPv4 as IPv6": ether(0x86DD, v4(ME4, icmp4(8))[14:]),
    "IPv4 longer than its frame": ether(0x0800, v4(ME4, icmp4(8) + b"x" * 400)[14:60]),
    "IPv6 longer than its frame": ether(0x86DD, v6(ME6, echo6(ME6) + b"x" * 400)[14:80]),
}


def port(name):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    link.bind((name, 0))
    link.setblocking(False)
    return link


def marked(frame, number):
    return frame + bytes(max(0, 60 - len(frame))) + MARK + struct.pack("!H", number)


def read(victim, seconds=0):
    """The number on the next frame, -1 on one that is not ours; None when none comes within this time."""
    if not select.select([victim], [], [], seconds)[0]:
        return None
    data, address = victim.recvfrom(4096)
    if address[2] == socket.PACKET_OUTGOING or data[-8:-2] != MARK:
        return -1
    return struct.unpack("!H", data[-2:])[0]


def finish(victim, uplink, delivered):
    deadline = time.monotonic() + DEADLINE_SECONDS
    uplink.send(marked(v4(GATE4, icmp4(8), card=mac("02:00:00:00:00:01")), LAST))
    while (number := read(victim, seconds=1)) != LAST:
        if time.monotonic() > deadline:
            sys.exit("the last frame did not arrive")
        if number is not None and number >= 0:
            delivered[number] = delivered.get(number, 0) + 1


def send_all(attacker, victim, uplink):
    delivered = {}
    for number, frame in enumerate(FRAMES.values()):
        for _ in range(COPIES):
            attacker.send(marked(frame, number))
    finish(victim, uplink, delivered)
    return {name: delivered.get(number, 0) for number, name in enumerate(FRAMES)}


def send_control(attacker, victim, uplink):
    for number in range(16):
        attacker.send(ether(0x88CC, bytes(46), card=OTHER[:5] + bytes([0x70 + number]), onto=mac(f"01:80:c2:00:00:0{number:x}")))
    finish(victim, uplink, {})
    return {}


def flow(attacker, victim, uplink, directory):
    frames = [marked(FRAMES["IPv4"], 0), marked(FRAMES["RA"], 1)]
    sent, delivered, deadline = 0, {}, time.monotonic() + DEADLINE_SECONDS
    while not os.path.exists(f"{directory}/stop"):
        if time.monotonic() > deadline:
            sys.exit("nobody stopped the flow")
        for frame in frames:
            attacker.send(frame)
        sent += 1
        if sent == 100:
            open(f"{directory}/started", "w").close()
        while (number := read(victim)) is not None:
            delivered[number] = delivered.get(number, 0) + 1
    finish(victim, uplink, delivered)
    return {"sent": sent, "true": delivered.get(0, 0), "forged": delivered.get(1, 0)}


os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ends = [port(name) for name in sys.argv[2:5]]
modes = {"all": send_all, "control": send_control, "flow": flow}
print(json.dumps(modes[sys.argv[1]](*ends, *sys.argv[5:])))
