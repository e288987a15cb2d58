//! Trees of files like those of sysfs, and the disks that are told of them.

#![allow(clippy::arithmetic_side_effects)] // of a test

use super::*;
use crate::linux::disks::tests::{Tree, VDA, with_vda};

/// What is told of a device: its name, whether it is a partition, what it is made of, its alias, its bus.
type Told = (String, bool, Option<String>, Option<String>, Option<DiskBus>);

impl Tree {
    /// A disk as `/sys/block` has it, so many blocks long.
    fn listed(&self, path: &str, blocks: u64) {
        self.file(&format!("{path}/size"), format!("{blocks}\n"));
        self.link(&format!("block/{}", path.rsplit('/').next().unwrap()), path);
    }

    fn partition(&self, path: &str, number: &str) {
        self.block(path, number);
        self.file(&format!("{path}/partition"), "1\n");
    }

    /// What is told, `piece` devices at a time.
    fn list(&self, piece: usize) -> Result<Vec<Told>, BlockDeviceError> {
        let disks = self.disks();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (mut all, mut place) = (Vec::new(), ListPlace::default());
        loop {
            let begin = all.len();
            let path = std::ffi::CString::new(self.0.join("block").to_str().unwrap()).unwrap();
            let directory = Fd::open(&path, DIRECTORY).unwrap();
            list(&disks, &directory, place, &mut [0; 32 << 10], &mut |device, behind| {
                if all.len() == begin + piece {
                    return false;
                }
                place = behind;
                let bus = device.address.map(|disk| disk.place.bus_kind);
                let made_of = device.made_of.map(|names| text(names).replace('\0', " "));
                all.push((text(device.name), device.is_partition, made_of, device.alias.map(text), bus));
                assert_eq!(device.smart, None);
                true
            })?;
            assert!(all.len() < 1000, "it goes round in circles");
            if all.len() == begin {
                return Ok(all);
            }
        }
    }
}

fn one_of_each() -> Tree {
    let tree = with_vda();
    tree.listed(VDA, 8);
    // No partitions: queues and the like, and what only begins as one.
    tree.file(&format!("{VDA}/queue/partition"), "1\n");
    tree.file(&format!("{VDA}/vdax/alignment"), "0\n");
    let volume = "devices/virtual/block/dm-0";
    tree.block(volume, "253:0");
    tree.listed(volume, 16);
    tree.file(&format!("{volume}/dm/name"), "group-volume\n");
    tree.link(&format!("{volume}/slaves/vda1"), &format!("{VDA}/vda1"));
    let empty = "devices/virtual/block/loop0";
    tree.block(empty, "7:0");
    tree.listed(empty, 0);
    let in_memory = "devices/virtual/block/ram0";
    tree.block(in_memory, "1:0");
    tree.listed(in_memory, 128);
    std::fs::create_dir(tree.0.join(in_memory).join("slaves")).unwrap();
    // One of several ways to a disk: it has neither number nor node.
    let way = "devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0c0n1";
    tree.file(&format!("{way}/uevent"), "DEVTYPE=disk\n");
    tree.listed(way, 8);
    tree
}

#[test]
fn disks_partitions_and_what_is_made_of_them() {
    let tree = one_of_each();
    let mut told = tree.list(100).unwrap();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let text = |text: &str| Some(String::from(text));
    assert_eq!(
        told,
        [
            ("/dev/dm-0".into(), false, text("/dev/vda1"), text("group-volume"), None),
            ("/dev/ram0".into(), false, text(""), None, None),
            ("/dev/vda".into(), false, None, None, Some(DiskBus::Virtio)),
            ("/dev/vda1".into(), true, text("/dev/vda"), None, None),
        ]
    );
}

#[test]
fn pieces_of_any_length_give_each_once() {
    let tree = one_of_each();
    for disk in 0..40 {
        let path = format!("devices/virtual/block/md{disk}");
        tree.block(&path, &format!("9:{disk}"));
        tree.listed(&path, 8);
        for part in 1..=5 {
            tree.partition(&format!("{path}/md{disk}p{part}"), &format!("259:{}", disk * 8 + part));
        }
    }
    let all = tree.list(1000).unwrap();
    assert_eq!(all.len(), 4 + 40 * 6);
    for piece in [1, 2, 3, 7, 50] {
        assert_eq!(tree.list(piece).unwrap(), all, "{piece} at a time");
    }
    // Each disk is followed by its partitions.
    let mut disk = None;
    for (name, is_partition, made_of, ..) in &all {
        if *is_partition {
            assert_eq!(made_of.as_ref(), disk);
        } else {
            disk = Some(name);
        }
    }
}

#[test]
fn a_disk_that_is_gone_takes_nothing_of_the_next_with_it() {
    let tree = one_of_each();
    let disks = tree.disks();
    let path = std::ffi::CString::new(tree.0.join("block").to_str().unwrap()).unwrap();
    let next = |from| {
        let mut found = None;
        let directory = Fd::open(&path, DIRECTORY).unwrap();
        list(&disks, &directory, from, &mut [0; 32 << 10], &mut |device, place| {
            found = Some((device.name.to_vec(), place));
            false
        })
        .unwrap();
        found
    };
    let (first, ListPlace([offset, of_disk])) = next(ListPlace::default()).unwrap();
    // As if another one had stood there, of which much was told.
    let other = ListPlace([offset, (of_disk ^ (1 << 40)) | 0xFF]);
    assert_eq!(next(other).unwrap().0, first);
}

#[test]
fn a_disk_may_be_made_of_four_hundred_and_more_are_refused() {
    let tree = Tree::new();
    tree.block("devices/virtual/block/dm-0", "253:0");
    tree.listed("devices/virtual/block/dm-0", 16);
    let name = |number: usize| format!("{}{number:04}", "x".repeat(27));
    for number in 0..400 {
        let path = format!("devices/virtual/block/{}", name(number));
        tree.file(&format!("{path}/uevent"), format!("DEVNAME={}\n", name(number)));
        tree.link(&format!("devices/virtual/block/dm-0/slaves/{}", name(number)), &path);
    }
    let told = tree.list(100).unwrap();
    assert_eq!(told[0].2.as_ref().unwrap().split(' ').count(), 400);
    for number in 400..450 {
        let path = format!("devices/virtual/block/{}", name(number));
        tree.file(&format!("{path}/uevent"), format!("DEVNAME={}\n", name(number)));
        tree.link(&format!("devices/virtual/block/dm-0/slaves/{}", name(number)), &path);
    }
    assert_eq!(tree.list(100), Err(BlockDeviceError::MadeOfTooMany(16384)));
}

#[test]
fn half_a_place_is_the_disk_and_half_what_was_told_of_it() {
    let place = Place { offset: -5, hash: 0xFFFF_FFFE, told: 7 };
    let Place { offset, hash, told } = Place::unpack(place.pack());
    assert_eq!((offset, hash, told), (-5, 0xFFFF_FFFE, 7));
}
