/// What a guest without a system can do with its serial line.
package enum BootSectors {
    /// Says what is typed.
    package static let echo: [UInt8] = [
        0xBA, 0xFD, 0x03,  // mov dx, 0x3fd: the line's status
        0xEC,  // in al, dx
        0xA8, 0x01,  // test al, 1: something was typed
        0x74, 0xF8,  // jz to the beginning
        0xBA, 0xF8, 0x03,  // mov dx, 0x3f8
        0xEC, 0xEE,  // in al, dx; out dx, al
        0xEB, 0xF1,  // to the beginning
    ]
    /// Says U without end.
    package static let shout: [UInt8] = [0xBA, 0xF8, 0x03, 0xB0, 0x55, 0xEE, 0xEB, 0xFD]
}
