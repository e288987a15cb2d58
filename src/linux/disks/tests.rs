//! Trees of files and links like those of sysfs, and what is found in them.

use std::ffi::CString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::guest::{DiskBus, PciFunction};

/// A directory that is gone when the test is over.
pub struct Tree(pub PathBuf);

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Tree {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("picoqga-{}-sysfs-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Tree(path)
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A link at `path` that leads to `target`, both from the root of the tree.
    pub fn link(&self, path: &str, target: &str) {
        let up = "../".repeat(path.matches('/').count());
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::create_dir_all(self.0.join(target)).unwrap();
        symlink(up + target, path).unwrap();
    }

    /// A block device, as sysfs describes it.
    pub fn block(&self, path: &str, number: &str) {
        let name = path.rsplit('/').next().unwrap();
        self.file(&format!("{path}/dev"), format!("{number}\n"));
        let (major, minor) = number.split_once(':').unwrap();
        self.file(&format!("{path}/uevent"), format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={name}\nDEVTYPE=disk\n"));
        self.link(&format!("dev/block/{number}"), path);
        self.link(&format!("class/block/{name}"), path);
    }

    pub fn driver(&self, path: &str, name: &str) {
        self.link(&format!("{path}/driver"), &format!("bus/pci/drivers/{name}"));
    }

    pub fn disks(&self) -> Disks {
        let open = |path: &Path| Fd::open(&CString::new(path.to_str().unwrap()).unwrap(), DIRECTORY);
        Disks { sysfs: open(&self.0).unwrap(), udev: open(&self.0.join("udev")).ok() }
    }

    /// Each disk under a device: its bus, slot of its controller, serial number and node.
    fn told(&self, major: u32, minor: u32) -> Vec<(DiskBus, Option<u32>, String, String)> {
        let disks = self.disks();
        let name = disks.name(Device { major, minor }).unwrap();
        let mut told = Vec::new();
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or(b"-").to_vec()).unwrap();
        let all = disks.each(&name, 0, &mut [0; 2048], &mut |disk| {
            let slot = disk.place.controller.map(|PciFunction { slot, .. }| slot);
            told.push((disk.place.bus_kind, slot, text(disk.serial), text(disk.device)));
            true
        });
        assert!(all);
        // The same, one at a time.
        for (index, expected) in told.iter().enumerate() {
            let mut found = None;
            let more = disks.each(&name, u32::try_from(index).unwrap(), &mut [0; 2048], &mut |disk| {
                found = disk.device.map(|device| device.to_vec());
                false
            });
            assert_eq!((more, found.unwrap()), (false, expected.3.clone().into_bytes()));
        }
        told
    }

    /// The same for a device that is one disk.
    fn one(&self, major: u32, minor: u32) -> (DiskBus, Option<u32>, String, String) {
        let mut told = self.told(major, minor);
        assert_eq!(told.len(), 1);
        told.remove(0)
    }
}

pub const VDA: &str = "devices/pci0000:00/0000:00:03.0/virtio1/block/vda";

pub fn with_vda() -> Tree {
    let tree = Tree::new();
    tree.block(VDA, "254:0");
    tree.file(&format!("{VDA}/serial"), "data0");
    tree.block(&format!("{VDA}/vda1"), "254:1");
    tree.file(&format!("{VDA}/vda1/partition"), "1\n");
    tree.driver("devices/pci0000:00/0000:00:03.0", "virtio-pci");
    tree
}

#[test]
fn a_partition_has_its_own_node_and_the_serial_number_of_its_disk() {
    let tree = with_vda();
    assert_eq!(tree.one(254, 0), (DiskBus::Virtio, Some(3), "data0".into(), "/dev/vda".into()));
    assert_eq!(tree.one(254, 1), (DiskBus::Virtio, Some(3), "data0".into(), "/dev/vda1".into()));
    assert_eq!(tree.disks().name(Device { major: 254, minor: 1 }).unwrap().as_slice(), b"vda1");
    assert_eq!(tree.disks().name(Device { major: 254, minor: 9 }), None);
}

#[test]
fn the_database_of_udev_goes_first() {
    let tree = with_vda();
    tree.file("udev/b254:0", "S:disk/by-id/virtio-x\nI:1\nE:ID_SERIAL_SHORT=short\nE:ID_SERIAL=of udev\nG:systemd\n");
    tree.file("udev/b254:1", "E:ID_SERIAL=\n");
    assert_eq!(tree.one(254, 0).2, "of udev");
    assert_eq!(tree.one(254, 1).2, "data0", "an empty one is none");
    tree.file(&format!("{VDA}/serial"), "");
    assert_eq!(tree.one(254, 1).2, "-");
}

#[test]
fn disks_made_of_others_are_followed_down() {
    let tree = with_vda();
    let vdb = "devices/pci0000:00/0000:00:04.0/virtio2/block/vdb";
    tree.block(vdb, "254:16");
    tree.driver("devices/pci0000:00/0000:00:04.0", "virtio-pci");
    // A logical volume on an array of a partition and a disk, and a partition of the array.
    tree.block("devices/virtual/block/md0", "9:0");
    tree.link("devices/virtual/block/md0/slaves/vda1", &format!("{VDA}/vda1"));
    tree.link("devices/virtual/block/md0/slaves/vdb", vdb);
    tree.block("devices/virtual/block/dm-3", "253:3");
    tree.link("devices/virtual/block/dm-3/slaves/md0", "devices/virtual/block/md0");
    tree.block("devices/virtual/block/md0/md0p1", "259:0");
    tree.file("devices/virtual/block/md0/md0p1/partition", "1\n");
    for (major, minor) in [(9, 0), (253, 3), (259, 0)] {
        let mut nodes: Vec<String> = tree.told(major, minor).into_iter().map(|disk| disk.3).collect();
        nodes.sort();
        assert_eq!(nodes, ["/dev/vda1", "/dev/vdb"], "{major}:{minor}");
    }
    // One that is made of nothing, as a loop device.
    tree.block("devices/virtual/block/loop0", "7:0");
    assert_eq!(tree.told(7, 0), []);
    std::fs::create_dir(tree.0.join("devices/virtual/block/loop0/slaves")).unwrap();
    assert_eq!(tree.told(7, 0), []);
    assert_eq!(tree.disks().name(Device { major: 7, minor: 0 }).unwrap().as_slice(), b"loop0");
}

#[test]
fn what_has_no_end_is_left() {
    let tree = with_vda();
    for number in 0..40 {
        tree.block(&format!("devices/virtual/block/dm-{number}"), &format!("253:{number}"));
        let below = format!("devices/virtual/block/dm-{}", number + 1);
        tree.link(&format!("devices/virtual/block/dm-{number}/slaves/dm-{}", number + 1), &below);
    }
    tree.link("devices/virtual/block/dm-30/slaves/vda", VDA);
    assert_eq!(tree.told(253, 30).len(), 1);
    assert_eq!(tree.told(253, 15).len(), 1, "the sixteenth layer");
    assert_eq!(tree.told(253, 14), []);
    // Two ways down from each layer, so many that nobody waits for all.
    let tree = with_vda();
    tree.link("devices/virtual/block/dm-14/slaves/vda", VDA);
    for number in (0..15).rev() {
        tree.block(&format!("devices/virtual/block/dm-{number}"), &format!("253:{number}"));
        if number < 14 {
            let below = format!("devices/virtual/block/dm-{}", number + 1);
            tree.link(&format!("devices/virtual/block/dm-{number}/slaves/dm-{}", number + 1), &below);
            // As a second entry of the same target.
            let again = format!("devices/virtual/block/dm-{}", 100 + number);
            tree.block(&again, &format!("253:{}", 100 + number));
            tree.link(&format!("devices/virtual/block/dm-{number}/slaves/dm-{}", 100 + number), &again);
            tree.link(&format!("{again}/slaves/dm-{}", number + 1), &below);
        }
    }
    let mut count = 0_u32;
    let disks = tree.disks();
    disks.each(&disks.name(Device { major: 253, minor: 7 }).unwrap(), 0, &mut [0; 2048], &mut |_| {
        count += 1;
        true
    });
    assert_eq!(count, 128, "two to the power of seven");
    let all = disks.each(&disks.name(Device { major: 253, minor: 0 }).unwrap(), 0, &mut [0; 2048], &mut |_| true);
    assert!(all);
}

const NVME: &str = "devices/pci0000:00/0000:00:06.0/nvme/nvme0";

#[test]
fn an_nvme_disk_is_named_by_model_serial_number_and_namespace() {
    let tree = Tree::new();
    tree.block(&format!("{NVME}/nvme0n1"), "259:0");
    tree.link(&format!("{NVME}/nvme0n1/device"), NVME);
    tree.file(&format!("{NVME}/model"), "QEMU NVMe Ctrl                          \n");
    tree.file(&format!("{NVME}/serial"), "deadbeef            \n");
    tree.driver("devices/pci0000:00/0000:00:06.0", "nvme");
    tree.block(&format!("{NVME}/nvme0n1/nvme0n1p1"), "259:1");
    tree.file(&format!("{NVME}/nvme0n1/nvme0n1p1/partition"), "1\n");
    let told = |node: &str| (DiskBus::Nvme, Some(6), "QEMU_NVMe_Ctrl_deadbeef".into(), node.into());
    assert_eq!(tree.one(259, 0), told("/dev/nvme0n1"));
    assert_eq!(tree.one(259, 1), told("/dev/nvme0n1p1"));
    tree.file(&format!("{NVME}/nvme0n1/nsid"), "17\n");
    assert_eq!(tree.one(259, 1).2, "QEMU_NVMe_Ctrl_deadbeef_17");
}

#[test]
fn the_controller_of_an_nvme_subsystem_is_found() {
    let tree = Tree::new();
    let subsystem = "devices/virtual/nvme-subsystem/nvme-subsys0";
    tree.block(&format!("{subsystem}/nvme0n1"), "259:0");
    tree.link(&format!("{subsystem}/nvme0n1/device"), subsystem);
    tree.file(&format!("{subsystem}/model"), "Model\n");
    tree.file(&format!("{subsystem}/serial"), "one\n");
    tree.block(&format!("{subsystem}/nvme0n1/nvme0n1p1"), "259:1");
    tree.file(&format!("{subsystem}/nvme0n1/nvme0n1p1/partition"), "1\n");
    let told = |slot: Option<u32>, node: &str| {
        let bus = if slot.is_none() { DiskBus::Unknown } else { DiskBus::Nvme };
        (bus, slot, "Model_one".to_owned(), node.to_owned())
    };
    assert_eq!(tree.one(259, 0), told(None, "/dev/nvme0n1"), "no controller");
    for (number, slot) in [(10, 7), (2, 6), (3, 8)] {
        let controller = format!("devices/pci0000:00/0000:00:0{slot}.0/nvme/nvme{number}");
        tree.driver(&format!("devices/pci0000:00/0000:00:0{slot}.0"), "nvme");
        tree.link(&format!("class/nvme/nvme{number}"), &controller);
        tree.link(&format!("{subsystem}/nvme{number}"), &controller);
    }
    assert_eq!(tree.one(259, 0), told(Some(6), "/dev/nvme0n1"));
    assert_eq!(tree.one(259, 1), told(Some(6), "/dev/nvme0n1p1"));
}

/// A page of the vital product data with that number.
fn page(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0, number, length[0], length[1]], content].concat()
}

/// An identifier: 1 for binary or 2 for text, association and type, value.
fn identifier(code_set: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    [&[code_set, kind, 0, u8::try_from(value.len()).unwrap()], value].concat()
}

fn scsi(bus: &str, driver: &str, vendor: &str, model: &str) -> (Tree, String) {
    let tree = Tree::new();
    tree.driver("devices/pci0000:00/0000:00:05.0", driver);
    let unit = format!("devices/pci0000:00/0000:00:05.0/{bus}host2/target2:0:1/2:0:1:3");
    tree.block(&format!("{unit}/block/sda"), "8:0");
    tree.link(&format!("{unit}/block/sda/device"), &unit);
    tree.file(&format!("{unit}/vendor"), format!("{vendor:8}\n"));
    tree.file(&format!("{unit}/model"), format!("{model:16}\n"));
    (tree, unit)
}

#[test]
fn scsi_disks_have_the_identifier_that_scsi_id_gives() {
    let naa5 = identifier(1, 3, &[0x50, 0, 0xC5, 0, 0x1A, 0x2B, 0x3C, 0x4D]);
    let naa6 = identifier(1, 3, &[0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let eui = identifier(1, 2, &[0xAA, 0xBB, 0, 0, 0, 0, 0, 1]);
    let t10 = identifier(2, 1, b"ACME    Disk   7 ");
    let own = identifier(2, 0, b"drive-scsi0");
    let port = identifier(1, 0x13, &[0x50, 0, 0, 0, 0, 0, 0, 9]);
    for (identifiers, expected) in [
        (vec![&own], "0QEMU_QEMU_HARDDISK_drive-scsi0"),
        (vec![&port, &own], "0QEMU_QEMU_HARDDISK_drive-scsi0"),
        (vec![&own, &t10], "1ACME_Disk_7"),
        (vec![&own, &t10, &eui], "2aabb000000000001"),
        (vec![&own, &naa5, &eui], "35000c5001a2b3c4d"),
        (vec![&naa5, &naa6, &port], "3600102030405060708090a0b0c0d0e0f"),
        (vec![&port], "SQEMU_QEMU_HARDDISK_unit_7"),
        (vec![], "SQEMU_QEMU_HARDDISK_unit_7"),
    ] {
        let (tree, unit) = scsi("virtio2/", "virtio-pci", "QEMU", "QEMU HARDDISK");
        let identifiers: Vec<u8> = identifiers.into_iter().flatten().copied().collect();
        tree.file(&format!("{unit}/vpd_pg83"), page(0x83, &identifiers));
        tree.file(&format!("{unit}/vpd_pg80"), page(0x80, b"  unit 7 "));
        // Newer kernels have this file too.
        tree.file(&format!("{unit}/serial"), "unit 7\n");
        let (bus, slot, serial, node) = tree.one(8, 0);
        assert_eq!((bus, slot, node.as_str()), (DiskBus::Scsi, Some(5), "/dev/sda"));
        assert_eq!(serial, expected);
    }
}

#[test]
fn pages_that_are_cut_give_nothing() {
    let (tree, unit) = scsi("virtio2/", "virtio-pci", "QEMU", "QEMU HARDDISK");
    let whole = page(0x83, &identifier(2, 0, b"drive"));
    for length in 0..whole.len() {
        tree.file(&format!("{unit}/vpd_pg83"), &whole[..length]);
        assert_eq!(tree.one(8, 0).2, "-", "{length} bytes");
    }
    let whole = page(0x80, b"own");
    for length in 0..whole.len() {
        tree.file(&format!("{unit}/vpd_pg80"), &whole[..length]);
        assert_eq!(tree.one(8, 0).2, "-", "{length} bytes");
    }
    for other in [page(0x80, b"   "), page(0x83, b"own")] {
        tree.file(&format!("{unit}/vpd_pg80"), other);
        assert_eq!(tree.one(8, 0).2, "-");
    }
    tree.file(&format!("{unit}/vpd_pg80"), page(0x80, &[b'x'; 300]));
    assert_eq!(tree.one(8, 0).2, "-", "longer than any");
}

#[test]
fn ata_disks_have_model_and_serial_number() {
    let (tree, unit) = scsi("ata1/", "ata_piix", "ATA", "QEMU HARDDISK");
    std::fs::create_dir(tree.0.join("devices/pci0000:00/0000:00:05.0/ata2")).unwrap();
    let both = format!("ATA     {:40}{:20}", "QEMU HARDDISK", "QM00001");
    let own = identifier(2, 0, format!("{:>20}", "QM00001").as_bytes());
    let content = [own, identifier(2, 1, both.as_bytes())].concat();
    tree.file(&format!("{unit}/vpd_pg83"), page(0x83, &content));
    assert_eq!(tree.one(8, 0), (DiskBus::Ide, Some(5), "QEMU_HARDDISK_QM00001".into(), "/dev/sda".into()));
    // A controller that does not tell it whole: what scsi_id gives is left.
    let naa5 = identifier(1, 3, &[0x50, 0, 0xC5, 0, 0x1A, 0x2B, 0x3C, 0x4D]);
    tree.file(&format!("{unit}/vpd_pg83"), page(0x83, &[identifier(2, 1, b"ATA     QEMU"), naa5].concat()));
    assert_eq!(tree.one(8, 0).2, "35000c5001a2b3c4d");
}

#[test]
fn usb_disks_have_the_serial_number_of_the_usb_device() {
    let (tree, unit) = scsi("usb1/1-1/1-1.2/1-1.2:1.0/", "xhci_hcd", "Kingston", "DataTraveler 3.0");
    let device = "devices/pci0000:00/0000:00:05.0/usb1/1-1/1-1.2";
    assert_eq!(tree.one(8, 0).2, "Kingston_DataTraveler_3.0-1:3");
    tree.file(&format!("{device}/serial"), "E0D55EA5740A\n");
    tree.file("devices/pci0000:00/0000:00:05.0/usb1/serial", "0000:00:05.0\n");
    let expected = "Kingston_DataTraveler_3.0_E0D55EA5740A-1:3";
    assert_eq!(tree.one(8, 0), (DiskBus::Usb, Some(5), expected.into(), "/dev/sda".into()));
    // A disk that tells pages: they are not what udev takes.
    tree.file(&format!("{unit}/vpd_pg80"), page(0x80, b"own"));
    assert_eq!(tree.one(8, 0).2, expected);
    for refused in ["E0,D5", "E0\tD5", "E0\u{e9}"] {
        tree.file(&format!("{device}/serial"), format!("{refused}\n"));
        assert_eq!(tree.one(8, 0).2, "Kingston_DataTraveler_3.0-1:3");
    }
}

#[test]
fn an_mmc_card_has_its_serial_number() {
    let tree = Tree::new();
    let card = "devices/platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:aaaa";
    tree.block(&format!("{card}/block/mmcblk0"), "179:0");
    tree.link(&format!("{card}/block/mmcblk0/device"), card);
    tree.file(&format!("{card}/serial"), "0x1234abcd\n");
    assert_eq!(tree.one(179, 0), (DiskBus::Unknown, None, "0x1234abcd".into(), "/dev/mmcblk0".into()));
}

#[test]
fn this_machines_disks_are_found() {
    let Some(disks) = Disks::open(&mut Pseudo::sys()) else { return };
    for entry in std::fs::read_dir("/sys/class/block").unwrap() {
        let entry = entry.unwrap();
        let name = Name::from_slice(entry.file_name().as_encoded_bytes()).unwrap();
        let number = std::fs::read_to_string(entry.path().join("dev")).unwrap();
        let (major, minor) = number.trim().split_once(':').unwrap();
        let device = Device { major: major.parse().unwrap(), minor: minor.parse().unwrap() };
        assert_eq!(disks.name(device), Some(name.clone()));
        disks.each(&name, 0, &mut [0; 2048], &mut |disk| {
            let node = String::from_utf8(disk.device.unwrap().to_vec()).unwrap();
            assert!(node.starts_with("/dev/"));
            true
        });
    }
}
