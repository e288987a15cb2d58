"""What fuzzing begins with: inputs of each target that reach far into the code, in the form that the target takes.

What is found to fail later on is no seed: it becomes a test beside the code.
"""

import os
import re
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", "\\": b"\\"}
# Of a seed for random cuts; the second bit chooses small buffers.
NUMBERS = (struct.pack("=Q", 0x9E3779B97F4A7C15 & ~2), struct.pack("=Q", 0x9E3779B97F4A7C15 | 2))


def sessions(*directories):
    """What a host writes in each session of the transcripts there."""
    for directory in directories:
        directory = os.path.join(ROOT, "tests", "transcripts", directory)
        for name in sorted(os.listdir(directory)):
            if not name.endswith(".txt"):
                continue
            writes = b""
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                for line in file.read().split("\n"):
                    if line.startswith("-> "):
                        writes += unescape(line[3:])
                    elif writes and not line.startswith("<- "):
                        yield writes
                        writes = b""


def unescape(text):
    parts = re.split(r"\\(n|t|r|\\|x[0-9a-f]{2})", text)
    return b"".join(part.encode() if index % 2 == 0 else ESCAPES.get(part) or bytes.fromhex(part[1:])
                    for index, part in enumerate(parts))


TRANSFER = (
    b'{"execute":"guest-file-open","arguments":{"path":"f","mode":"r+"}}'
    b'{"execute":"guest-file-read","arguments":{"handle":1,"count":600}}'
    b'{"execute":"guest-file-seek","arguments":{"handle":1,"offset":-3,"whence":"end"}}'
    b'{"execute":"guest-file-write","arguments":{"handle":1,"buf-b64":"%s","count":900}}'
    b'{"arguments":{"count":9,"buf-b64":"%s","handle":1},"execute":"guest-file-write"}'
    b'{"execute":"guest-file-flush","arguments":{"handle":1}}{"execute":"guest-file-close","arguments":{"handle":1}}'
)
EXEC = (
    b'{"execute":"guest-exec","arguments":{"path":"a","arg":["b","c"],"env":["D=e"],"capture-output":"separated",'
    b'"input-data":"%s"}}{"execute":"guest-exec-status","arguments":{"pid":1}}'
    b'{"execute":"guest-exec-status","arguments":{"pid":1}}'
)
BASE64 = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n"


def transfers():
    for data in (BASE64.strip(), BASE64.replace(b"\n", b"\\n") * 60):
        yield TRANSFER % (data, data) + EXEC % data


def text(*lines):
    return "".join(line + "\n" for line in lines).encode()


def tree(files):
    return b"".join(path.encode() + b"\0" + content.replace(b"\0", b"\xfe") + b"\0" for path, content in files.items())


def zone():
    """A time zone file of version 2 with a change, and a rule behind it."""
    def block(width):
        counts = struct.pack(">6I", 0, 0, 0, 1, 2, 9)
        return (b"TZif2" + bytes(15) + counts + struct.pack(">q", 1700000000)[-width:] + b"\1" +
                struct.pack(">iBBiBB", 3600, 0, 0, 7200, 1, 4) + b"CET\0CEST\0")
    return block(4) + block(8) + b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"


def disk(path, number, driver, attributes, device="", beside=()):
    """What sysfs has of a disk with one partition: the devices, and the links to them in class/block, dev/block and block.
    `device` is the directory that its link of that name leads to."""
    name = path.rsplit("/", 1)[1]
    major, minor = number
    files = {"%s/driver@" % "/".join(path.split("/")[:2]): b"../../../bus/pci/drivers/" + driver, **dict(beside)}
    for node, inside, minor in ((name, "", minor), (name + "1", "/" + name + "1", minor + 1)):
        files[path + inside + "/dev"] = b"%d:%d\n" % (major, minor)
        files[path + inside + "/uevent"] = b"MAJOR=%d\nMINOR=%d\nDEVNAME=%s\n" % (major, minor, node.encode())
    files[path + "/%s1/partition" % name] = b"1\n"
    files[path + "/size"] = b"2048\n"
    for attribute, content in attributes.items():
        files["%s/%s" % (path, attribute) if "/" not in attribute else attribute.replace("DEVICE", device)] = content
    if device:
        files[path + "/device@"] = b"../" * (path.count("/") - device.count("/")) + b"."
    # A volume on the partition.
    volume = "virtual/block/dm-0"
    files.update({volume + "/dev": b"253:0\n", volume + "/size": b"99\n", volume + "/dm/name": b"vg-lv\n",
                  volume + "/uevent": b"DEVNAME=dm-0\n",
                  volume + "/slaves/%s1@" % name: b"../../../../" + path.encode() + b"/%s1" % name.encode()})
    places = {name: path, name + "1": "%s/%s1" % (path, name), "dm-0": volume}
    links = {one + "@": b"../../devices/" + place.encode() for one, place in places.items()}
    numbered = {"%d:%d" % (major, minor): places[name + "1"], "253:0": volume}
    numbers = {number + "@": b"../../devices/" + place.encode() for number, place in numbered.items()}
    whole = {one + "@": b"../devices/" + places[one].encode() for one in (name, "dm-0")}
    return [tree(one) for one in (files, links, numbers, whole)]


def page(number, content):
    return struct.pack(">BBH", 0, number, len(content)) + content


def identifier(code_set, kind, value):
    return bytes([code_set, kind, 0, len(value)]) + value


ROOT_BUS = "pci0000:00/0000:00:10.0"
UNIT = "/host2/target2:0:1/2:0:1:3"
USB = ROOT_BUS + "/usb1/1-1/1-1.2"
NVME = ROOT_BUS + "/nvme/nvme0"
ATA = identifier(2, 1, b"ATA     %-40s%-20s" % (b"QEMU HARDDISK", b"QM00001"))
SCSI = {"DEVICE/vendor": b"QEMU    \n", "DEVICE/model": b"QEMU HARDDISK   \n", "DEVICE/vpd_pg80": page(0x80, b"  unit 7 ")}
SYSFS = [
    disk(ROOT_BUS + "/virtio0/block/vda", (254, 0), b"virtio-pci", {"serial": b"of-a"}),
    *(disk(ROOT_BUS + "/virtio1" + UNIT + "/block/sda", (8, 0), b"virtio-pci",
           {**SCSI, "DEVICE/vpd_pg83": page(0x83, identifier(2, 0, b"drive") + one)}, ROOT_BUS + "/virtio1" + UNIT)
      for one in (b"", identifier(1, 3, bytes.fromhex("5000c5001a2b3c4d")), identifier(1, 2, bytes(8)))),
    disk(ROOT_BUS + "/ata3" + UNIT + "/block/sda", (8, 0), b"ahci",
         {**SCSI, "DEVICE/vendor": b"ATA     \n", "DEVICE/vpd_pg83": page(0x83, ATA)}, ROOT_BUS + "/ata3" + UNIT),
    disk(USB + "/1-1.2:1.0" + UNIT + "/block/sda", (8, 0), b"xhci_hcd", SCSI, USB + "/1-1.2:1.0" + UNIT,
         {USB + "/serial": b"E0D55EA5740A\n"}.items()),
    disk(NVME + "/nvme0n1", (259, 0), b"nvme", {"DEVICE/model": b"QEMU NVMe Ctrl   \n", "DEVICE/serial": b"deadbeef  \n"}, NVME),
]
MOUNTS = text("22 1 254:1 / / rw,noatime shared:1 - ext4 /dev/vda1 rw", "23 22 0:5 / /dev rw - devtmpfs none rw",
              "24 22 253:0 /a /mnt/a\\040b rw - xfs /dev/mapper/vg-lv rw", "25 22 0:30 /@ /srv rw - btrfs /dev/vda rw")
PASSWD = text("root:x:0:0:root:/root:/bin/sh", "u:x:0:0::/home/u:/bin/sh")


# The greatest number of 64 bits.
MOST = str(2 ** 64 - 1)


def utmp():
    record = struct.pack("<hxxi32s4s32s256shhiii16s20s", 7, 1, b"tty1", b"1", b"root", b"", 0, 0, 0, 1700000000, 5, b"", b"")
    return record + record.replace(b"root", b"anna")


# Of each of CASES in targets/guest_files.rs, in their order.
FILES = (
    text("cpu  1 2 3 4 5 6 7 8 9 10", "cpu0 1 2 3 4 5 6 7 8 9 10", "cpu1 1 2 3 %s" % MOST, "intr 1 2", "ctxt 9"),
    text(" 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", " 254 1 vda1 1 2 3 %s" % MOST,
         " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11"),
    text("Iface\tDestination\tGateway\tFlags", "eth0\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0") + b"\xff" + text(
        "0" * 32 + " 00 " + "0" * 32 + " 00 " + "f" * 32 + " ffffffff 00000001 00000000 00200200       lo"),
    MOUNTS,
    [b"\xff".join((files, links, numbers, MOUNTS)) for files, links, numbers, _ in SYSFS],
    text('NAME="A \\"b\\" c"', "ID=tiny # x", "VERSION_ID='1'", "# none", "PRETTY_NAME=\"open"),
    zone(),
    utmp(),
    tree({"1": text("UID=0", "USER=root", "REALTIME=1700000000000000", "CLASS=user", "STATE=active"),
            "c2": text("UID=1000", "USER=\"an\\na\"", "REALTIME=1700000001000000", "CLASS=manager")}),
    [b"\xff".join((files, links, whole)) for files, links, _, whole in SYSFS],
    tree({"cpu0/topology/x": b"", "cpu1/online": b"1\n", "cpu%s/online" % MOST: b"0\n", "cpufreq/x": b""}),
    tree({"block_size_bytes": b"8000000\n", "memory0/state": b"online\n", "memory32/state": b"offline\n",
            "memory0/removable": b"0\n"}),
    tree({"block_size_bytes": b"8000000\n"}),
    PASSWD,
    PASSWD + b"\xff" + text("# keys", "ssh-ed25519 AAAA u@h", "  ", "command=\"x\" ssh-rsa BBBB"),
)

TARGETS = {
    "lexer": lambda: [NUMBERS[0] + session for session in sessions(".", "fake")],
    "base64": lambda: [NUMBERS[0] + BASE64 * count for count in (1, 2, 5)],
    "conversation": lambda: [number + session for session in sessions(".", "fake") for number in NUMBERS],
    "transfers": lambda: [number + session for number in NUMBERS for session in (*sessions("."), *transfers())],
    "options": lambda: [b"-v\0-m\0unix-listen\0-p/x\0--allow-rpcs=a,b\0-D\0\0" + text("[general]", "daemon=true", "path=\\s/x"),
                        b"--check=json\0\0", text("# c", "[general]", "block-rpcs = a;b", "verbose=0").join((b"\0", b""))],
    "guest_files": lambda: [bytes([number | bit]) + content for bit in (0, 0x80) for number, contents in enumerate(FILES)
                            for content in (contents if isinstance(contents, list) else [contents])],
}
