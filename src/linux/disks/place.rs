//! Where a disk is, told from the path of its device in sysfs: a path such as
//! `devices/pci0000:00/0000:00:02.0/virtio1/block/vda`, which goes from the root of the machine through each controller and
//! bus to the disk. What the path does not tell is asked of [`Surroundings`].

use crate::bytes::{before, position};
use crate::guest::{CcwDevice, DiskBus, DiskPlace, PciFunction};
use crate::linux::lines::{decimal, numbers};

/// The drivers of PCI devices that tell what a disk hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// IDE: two buses with two disks each.
    AtaPiix,
    /// Serial ATA: a port for each disk.
    Ahci,
    /// SCSI.
    Sym53c8xx,
    /// virtio.
    VirtioPci,
    /// NVM Express.
    Nvme,
    /// USB, of each generation.
    Usb,
    /// Any other.
    Other,
}

/// The names of the drivers that are known, and which they are.
const NAMES: &[u8] = b"ata_piix ahci sym53c8xx virtio-pci nvme xhci_hcd ehci-pci ohci-pci uhci_hcd";
const DRIVERS: [Driver; 9] = [
    Driver::AtaPiix,
    Driver::Ahci,
    Driver::Sym53c8xx,
    Driver::VirtioPci,
    Driver::Nvme,
    Driver::Usb,
    Driver::Usb,
    Driver::Usb,
    Driver::Usb,
];

impl Driver {
    /// The driver of that name.
    pub fn named(name: &[u8]) -> Self {
        position(NAMES, name).and_then(|index| DRIVERS.get(index).copied()).unwrap_or(Driver::Other)
    }
}

/// What is around a disk.
pub trait Surroundings {
    /// The driver of the device at a path.
    fn driver(&mut self, path: &[u8]) -> Driver;

    /// How many entries of the directory at a path are `word` followed by a number less than `number`. `None` if there is
    /// none with that number itself.
    fn position(&mut self, path: &[u8], word: &[u8], number: u64) -> Option<u64>;
}

/// The components of a path, taken one by one.
#[derive(Clone, Copy)]
pub(super) struct Components<'p> {
    path: &'p [u8],
    /// Where the one taken last begins, and where the next one does.
    start: usize,
    next: usize,
}

impl<'p> Components<'p> {
    #[inline(never)] // as above
    pub(super) fn of(path: &'p [u8]) -> Self {
        Components { path, start: 0, next: 0 }
    }

    /// The next one.
    #[inline(never)] // used all over
    fn next(&mut self) -> Option<&'p [u8]> {
        let component = before(self.path.get(self.next..)?, b'/');
        self.start = self.next;
        self.next = self.start.wrapping_add(component.len()).wrapping_add(1);
        Some(component)
    }

    /// The next one that begins with a word, and what of it is behind that.
    #[inline(never)] // as above
    pub(super) fn find(&mut self, word: &[u8]) -> Option<&'p [u8]> {
        loop {
            if let Some(rest) = self.next()?.strip_prefix(word) {
                return Some(rest);
            }
        }
    }

    /// What is before the one taken last.
    #[inline(never)] // as above
    pub(super) fn before(&self) -> &'p [u8] {
        self.path.get(..self.start).unwrap_or_default()
    }

    /// The path up to the end of the one taken last.
    fn up_to_it(&self) -> &'p [u8] {
        self.path.get(..self.next.wrapping_sub(1)).unwrap_or_default()
    }
}

/// Where the disk with the device at `path` is. Bounded by the length of the path.
#[inline(never)] // smaller so
pub fn place(path: &[u8], around: &mut dyn Surroundings) -> DiskPlace {
    let mut place = DiskPlace::default();
    if pci(path, around, &mut place) {
        return place;
    }
    place.ccw = ccw(path);
    let has = |word: &[u8]| Components::of(path).find(word).is_some();
    if has(b"virtio") && has(b"block") {
        match target(path) {
            Some([bus, target, unit]) => {
                place = DiskPlace { bus_kind: DiskBus::Scsi, bus, target, unit, ..place };
            }
            None => place.bus_kind = DiskBus::Virtio,
        }
    }
    place
}

/// A disk behind a PCI device whose driver is known: its controller, and, if the path has what disks of the driver have,
/// what it hangs on. False if it is behind none.
#[inline(never)] // smaller so
fn pci(path: &[u8], around: &mut dyn Surroundings, place: &mut DiskPlace) -> bool {
    let mut is_below = false;
    let mut found = None;
    let mut components = Components::of(path);
    while let Some(component) = components.next() {
        if is_below && let Some(function) = pci_function(component) {
            let driver = around.driver(components.up_to_it());
            if driver != Driver::Other {
                found = Some((function, driver));
                break;
            }
        } else if component.starts_with(b"pci") {
            // A root bus; there are more below a controller that hides some.
            is_below = true;
        } else if is_below {
            break;
        }
    }
    let Some((function, driver)) = found else { return false };
    place.controller = Some(function);
    let known = match (driver, target(path)) {
        (Driver::AtaPiix, Some([_, target, _])) => port(path, around).map(|bus| (DiskBus::Ide, bus, target)),
        (Driver::Ahci, Some(_)) => port(path, around).map(|unit| (DiskBus::Sata, 0, unit)),
        (Driver::Sym53c8xx, Some([_, target, _])) => Some((DiskBus::Scsi, 0, target)),
        (Driver::VirtioPci, Some([_, _, unit])) => Some((DiskBus::Scsi, 0, unit)),
        (Driver::VirtioPci, None) => Some((DiskBus::Virtio, 0, 0)),
        (Driver::Nvme, _) => Some((DiskBus::Nvme, 0, 0)),
        (Driver::Usb, _) => Some((DiskBus::Usb, 0, 0)),
        _ => None,
    };
    if let Some((bus_kind, bus, unit)) = known {
        *place = DiskPlace { bus_kind, bus, unit, ..*place };
    }
    true
}

/// `0000:00:1f.2`: domain, bus, slot and function, in hexadecimal.
fn pci_function(component: &[u8]) -> Option<PciFunction> {
    let [domain, bus, slot, function] = hexadecimal(component, b"::.")?;
    Some(PciFunction { domain, bus, slot, function })
}

/// `css0/0.0.0002/0.0.1a2b`: a subchannel, and the device on it.
#[inline(never)] // smaller so
fn ccw(path: &[u8]) -> Option<CcwDevice> {
    let mut components = Components::of(path);
    components.find(b"css")?;
    let [subsystem, subchannel_set, subchannel, _] = hexadecimal(components.next()?, b"..")?;
    let [_, _, device, _] = hexadecimal(components.next()?, b"..")?;
    Some(CcwDevice { subsystem, subchannel_set, subchannel, device })
}

/// A component that is three or four numbers in hexadecimal with separators between them. With three, the fourth is 0.
fn hexadecimal(component: &[u8], separators: &[u8]) -> Option<[u32; 4]> {
    let mut values = [0; 4];
    let values = values.get_mut(..=separators.len())?;
    let [] = numbers(component, 16, separators, values)? else { return None };
    let mut parts = [0; 4];
    for (part, value) in parts.iter_mut().zip(values) {
        *part = u32::try_from(*value).ok()?;
    }
    Some(parts)
}

/// `target2:0:1/2:0:1:3`: channel, target and logical unit of a SCSI disk; the first number is the host's.
pub(super) fn target(path: &[u8]) -> Option<[u64; 3]> {
    let mut components = Components::of(path);
    components.find(b"target")?;
    let mut values = [0; 4];
    numbers(components.next()?, 10, b":::", &mut values)?;
    let [_, channel, target, unit] = values;
    Some([channel, target, unit])
}

/// Which port of its controller a disk is at: they are numbered through all controllers of the machine, `ata1` and on, or
/// `host0` and on with old kernels.
fn port(path: &[u8], around: &mut dyn Surroundings) -> Option<u64> {
    for word in &[&b"ata"[..], b"host"] {
        let mut components = Components::of(path);
        while let Some(rest) = components.find(word) {
            if let Some((number, b"")) = decimal(rest)
                && let Some(port) = around.position(components.before(), word, number)
            {
                return Some(port);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drivers of PCI functions, by the end of the path, and the names in directories.
    struct Machine {
        drivers: &'static [(&'static str, &'static str)],
        names: &'static [&'static str],
    }

    impl Surroundings for Machine {
        fn driver(&mut self, path: &[u8]) -> Driver {
            let path = str::from_utf8(path).unwrap();
            let name = self.drivers.iter().find(|(end, _)| path.ends_with(end)).map_or("pcieport", |(_, name)| name);
            Driver::named(name.as_bytes())
        }

        fn position(&mut self, path: &[u8], word: &[u8], number: u64) -> Option<u64> {
            assert!(path.ends_with(b"/") && path.len() > 9, "{path:?}");
            let word = str::from_utf8(word).unwrap();
            let mut numbers: Vec<u64> =
                self.names.iter().filter_map(|name| name.strip_prefix(word)?.parse().ok()).collect();
            numbers.sort_unstable();
            numbers.iter().position(|&other| other == number).map(|index| u64::try_from(index).unwrap())
        }
    }

    /// The place as a short text: bus, controller, then bus:target:unit where they are not 0.
    fn told(path: &str, drivers: &'static [(&'static str, &'static str)], names: &'static [&'static str]) -> String {
        let place = place(path.as_bytes(), &mut Machine { drivers, names });
        let mut text = place.bus_kind.name().to_owned();
        if let Some(PciFunction { domain, bus, slot, function }) = place.controller {
            text += &format!(" pci {domain:x}:{bus:x}:{slot:x}.{function:x}");
        }
        if let Some(CcwDevice { subsystem, subchannel_set, subchannel, device }) = place.ccw {
            text += &format!(" ccw {subsystem:x}.{subchannel_set:x}.{subchannel:x} {device:x}");
        }
        if (place.bus, place.target, place.unit) != (0, 0, 0) {
            text += &format!(" {}:{}:{}", place.bus, place.target, place.unit);
        }
        text
    }

    /// Paths of real machines.
    #[test]
    fn each_bus_is_known_by_its_path() {
        for (path, drivers, names, expected) in [
            (
                "devices/pci0000:00/0000:00:02.0/virtio1/block/vda",
                &[("00:02.0", "virtio-pci")][..],
                &[][..],
                "virtio pci 0:0:2.0",
            ),
            (
                "devices/pci0000:00/0000:00:02.3/0000:04:00.0/virtio2/block/vda/vda1",
                &[("04:00.0", "virtio-pci")],
                &[],
                "virtio pci 0:4:0.0",
            ),
            (
                "devices/pci0000:00/0000:00:05.0/virtio2/host2/target2:0:1/2:0:1:3/block/sda/sda1",
                &[("00:05.0", "virtio-pci")],
                &[],
                "scsi pci 0:0:5.0 0:0:3",
            ),
            (
                "devices/pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda/sda9",
                &[("1f.2", "ahci")],
                &["ata1", "ata2", "ata3", "ata4", "ata10", "ahci", "driver"],
                "sata pci 0:0:1f.2 0:0:2",
            ),
            (
                "devices/pci0000:00/0000:00:1f.2/ata12/host11/target11:0:0/11:0:0:0/block/sdl",
                &[("1f.2", "ahci")],
                &["ata7", "ata12", "ata8", "ata9", "ata10", "ata11", "ata3", "ata4", "ata5", "ata6"],
                "sata pci 0:0:1f.2 0:0:9",
            ),
            // Kernels before 3.2 have no entry for the port.
            (
                "devices/pci0000:00/0000:00:1f.2/host5/target5:0:0/5:0:0:0/block/sda",
                &[("1f.2", "ahci")],
                &["host4", "host5", "host6"],
                "sata pci 0:0:1f.2 0:0:1",
            ),
            (
                "devices/pci0000:00/0000:00:01.1/ata2/host1/target1:0:1/1:0:1:0/block/sdb",
                &[("01.1", "ata_piix")],
                &["ata1", "ata2"],
                "ide pci 0:0:1.1 1:0:1",
            ),
            (
                "devices/pci0000:00/0000:00:01.1/ata2/block/sdb",
                &[("01.1", "ata_piix")],
                &["ata2"],
                "unknown pci 0:0:1.1",
            ),
            (
                "devices/pci0000:00/0000:00:01.1/ata2/host1/target1:0:1/1:0:1:0/block/sdb",
                &[("01.1", "ata_piix")],
                &["ata1"],
                "unknown pci 0:0:1.1",
            ),
            (
                "devices/pci0000:00/0000:00:03.0/host2/target2:0:5/2:0:5:0/block/sdc",
                &[("03.0", "sym53c8xx")],
                &[],
                "scsi pci 0:0:3.0 0:0:5",
            ),
            (
                "devices/pci0000:00/0000:00:1c.4/0000:3c:00.0/nvme/nvme0/nvme0n1/nvme0n1p2",
                &[("3c:00.0", "nvme")],
                &[],
                "nvme pci 0:3c:0.0",
            ),
            // The disk of a subsystem has no place of its own; its controller is looked for elsewhere.
            ("devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", &[], &[], "unknown"),
            // Behind a controller that makes up a domain of its own.
            (
                "devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1",
                &[("0e.0", "vmd"), ("e1:00.0", "nvme")],
                &[],
                "nvme pci 10000:e1:0.0",
            ),
            (
                "devices/pci0000:00/0000:00:08.3/0000:c6:00.4/usb8/8-1/8-1.4/8-1.4.1/8-1.4.1:1.0/host0/target0:0:0/0:0:0:0/block/sda",
                &[("c6:00.4", "xhci_hcd")],
                &[],
                "usb pci 0:c6:0.4",
            ),
            (
                "devices/pci0000:00/0000:00:1d.7/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb/sdb1",
                &[("1d.7", "ehci-pci")],
                &[],
                "usb pci 0:0:1d.7",
            ),
            (
                "devices/pci0000:00/0000:00:01.2/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb",
                &[("01.2", "uhci_hcd")],
                &[],
                "usb pci 0:0:1.2",
            ),
            // The root bus is below a device that the firmware describes.
            (
                "devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb2/2-1/2-1.2/2-1.2:1.0/host1/target1:0:0/1:0:0:0/block/sdc",
                &[("01:00.0", "xhci_hcd")],
                &[],
                "usb pci 0:1:0.0",
            ),
            (
                "devices/platform/4010000000.pcie/pci0000:00/0000:00:01.0/virtio0/block/vda",
                &[("00:01.0", "virtio-pci")],
                &[],
                "virtio pci 0:0:1.0",
            ),
            // No driver that is known.
            (
                "devices/pci0000:00/0000:00:02.2/0000:02:00.0/host1/scsi_host/host1/port-1:2/end_device-1:2/target1:0:1/1:0:1:0/block/sda",
                &[("02:00.0", "hpsa")],
                &[],
                "unknown",
            ),
            (
                "devices/platform/soc/1c1b000.usb/usb3/3-1/3-1:1.0/host0/target0:0:0/0:0:0:0/block/sda",
                &[],
                &[],
                "unknown",
            ),
            ("devices/platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2", &[], &[], "unknown"),
            ("devices/vbd-51712/block/xvda", &[], &[], "unknown"),
            // virtio without PCI.
            ("devices/platform/a003e00.virtio_mmio/virtio0/block/vda", &[], &[], "virtio"),
            ("devices/platform/LNRO0005:15/virtio3/block/vda/vda1", &[], &[], "virtio"),
            (
                "devices/platform/a003c00.virtio_mmio/virtio1/host0/target0:2:3/0:2:3:4/block/sda",
                &[],
                &[],
                "scsi 2:3:4",
            ),
            // s390.
            ("devices/css0/0.0.0002/0.0.1a2b/virtio0/block/vda", &[], &[], "virtio ccw 0.0.2 1a2b"),
            (
                "devices/css0/0.1.0003/0.1.0004/virtio1/host0/target0:0:1/0:0:1:2/block/sda",
                &[],
                &[],
                "scsi ccw 0.1.3 4 0:1:2",
            ),
            ("devices/css0/0.0.0007/0.0.1234/block/dasda/dasda1", &[], &[], "unknown ccw 0.0.7 1234"),
            ("devices/css0/0.0.0007", &[], &[], "unknown"),
            ("devices/virtual/block/loop0", &[], &[], "unknown"),
            ("", &[], &[], "unknown"),
        ] {
            assert_eq!(told(path, drivers, names), expected, "{path}");
        }
    }
}
