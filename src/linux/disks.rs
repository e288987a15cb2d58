//! Block devices and the disks they are on, from sysfs and, where there is one, the database of udev.
//!
//! A device is known by its name in `/sys/class/block`. Disks that are made of others (device mapper, LVM with it, md,
//! bcache) have those in their directory `slaves`, which are followed down to real ones.

pub mod place;
pub mod serial;

pub(super) use super::device::{DIRECTORY, attribute, line, node};
use super::lines::decimal;
use super::mounts::Device;
use super::path::{Path, open_at};
use super::pseudo::Pseudo;
use crate::bytes::{before, split_path};
use crate::guest::Disk;
use crate::json::write::Writer;
use crate::sys::directory;
use crate::sys::fd::{self, Fd};
use place::{Driver, Surroundings};

/// How many layers of disks that are made of others are followed.
const LAYERS: u32 = 16;
/// How many devices are looked at for one file system. One that is reached by several ways is told for each of them.
const MOST: u32 = 4096;

/// The name of a block device, such as `vda1`; the kernel allows 31 bytes.
pub type Name = heapless::Vec<u8, 32>;

/// Where block devices are described.
#[derive(Debug)]
pub struct Disks {
    sysfs: Fd,
    /// `/run/udev/data`.
    udev: Option<Fd>,
}

/// What goes through the disks under a device.
struct Walk<'w> {
    /// Disks to be passed over.
    skip: u32,
    /// Devices that may still be looked at.
    left: u32,
    buffer: &'w mut [u8],
    visit: &'w mut dyn FnMut(&Disk<'_>) -> bool,
}

impl Disks {
    /// Opens sysfs and, if it is there, the database of udev. `None` without sysfs.
    pub fn open(sys: &mut Pseudo) -> Option<Self> {
        let sysfs = sys.open(c".").ok()?;
        Some(Disks { sysfs, udev: Fd::open(c"/run/udev/data", DIRECTORY).ok() })
    }

    /// The name of the block device with that number.
    pub fn name(&self, device: Device) -> Option<Name> {
        let path = self.device(&[device.path(b"dev/block/")?.as_bytes()])?;
        Name::from_slice(last(path.as_bytes())).ok()
    }

    /// Gives each disk under the device of that name to `visit`, until that answers false; so does this then. The first
    /// `skip` of them are passed over. `buffer` is room to work in: with 2 KiB everything is found.
    pub fn each(&self, name: &Name, skip: u32, buffer: &mut [u8], visit: &mut dyn FnMut(&Disk<'_>) -> bool) -> bool {
        self.below(name, LAYERS, &mut Walk { skip, left: MOST, buffer, visit })
    }

    /// As [`Disks::each`], at most `layers` deep.
    fn below(&self, name: &Name, layers: u32, walk: &mut Walk<'_>) -> bool {
        let Some(left) = walk.left.checked_sub(1) else { return true };
        walk.left = left;
        let Some(made) = self.made_of_others(name) else { return self.tell(name, walk) };
        let Some(layers) = layers.checked_sub(1) else { return true };
        let mut index = 0;
        while let Some(other) = self.other(&made, index, walk.buffer) {
            if !self.below(&other, layers, walk) {
                return false;
            }
            index = index.saturating_add(1);
        }
        true
    }

    /// Whether the device has no hardware of its own.
    pub fn is_virtual(&self, name: &Name) -> bool {
        self.made_of_others(name).is_some()
    }

    /// If the device has no hardware of its own: the name of the whole disk that it is, or is a partition of.
    fn made_of_others(&self, name: &Name) -> Option<Name> {
        let path = self.device(&[b"class/block/", name])?;
        let disk = path.as_bytes().strip_prefix(b"devices/virtual/block/")?;
        Name::from_slice(before(disk, b'/')).ok()
    }

    /// One of the devices that a disk is made of, in the order of the directory.
    fn other(&self, disk: &Name, index: u32, buffer: &mut [u8]) -> Option<Name> {
        let directory = open_at(&self.sysfs, &[b"class/block/", disk, b"/slaves"], DIRECTORY).ok()?;
        let mut left = index;
        let mut found = None;
        directory::names(&directory, buffer, |name| match left.checked_sub(1) {
            Some(less) => {
                left = less;
                true
            }
            None => {
                found = Name::from_slice(name.to_bytes()).ok();
                false
            }
        })
        .ok()?;
        found
    }

    /// Tells of a disk that has hardware, or of a partition of one.
    fn tell(&self, name: &Name, walk: &mut Walk<'_>) -> bool {
        if let Some(skip) = walk.skip.checked_sub(1) {
            walk.skip = skip;
            return true;
        }
        let Some(path) = self.device(&[b"class/block/", name]) else { return true };
        let Ok(own) = self.sysfs.open_at(path.as_c_str(), DIRECTORY) else { return true };
        // Of a partition, its disk is above it.
        let whole = own.open_at(if own.has(c"partition") { c".." } else { c"." }, DIRECTORY);
        let whole = whole.as_ref().unwrap_or(&own);
        let controller = self.controller(&path, whole, walk.buffer);
        let path = controller.unwrap_or(path);
        let place = place::place(path.as_bytes(), &mut Around { sysfs: &self.sysfs, buffer: walk.buffer });
        let mut serial = [0; serial::BYTES];
        let mut text = Writer::new(&mut serial, 0);
        let is_known = self.serial(&own, whole, path.as_bytes(), place.bus_kind, walk.buffer, &mut text).is_some();
        let length = if is_known && !text.is_full() { text.len() } else { 0 };
        let serial = serial.get(..length).filter(|serial| !serial.is_empty());
        let node = node(&own, walk.buffer);
        let device = node.as_ref().map(Path::as_bytes);
        (walk.visit)(&Disk { place, serial, device })
    }

    /// The path of the controller of an NVMe disk that may have several (`devices/virtual/nvme-subsystem/...`): of those the
    /// one with the least number. `None` for other disks.
    fn controller(&self, path: &Path, disk: &Fd, buffer: &mut [u8]) -> Option<Path> {
        path.as_bytes().strip_prefix(b"devices/virtual/nvme-subsystem/")?;
        let subsystem = disk.open_at(c"..", DIRECTORY).ok()?;
        let mut least = u64::MAX;
        directory::names(&subsystem, buffer, |name| {
            least = least.min(numbered(name.to_bytes(), b"nvme").unwrap_or(u64::MAX));
            true
        })
        .ok()?;
        self.device(&[Path::with_number(b"class/nvme/nvme", least, b"")?.as_bytes()])
    }

    /// Where a link of sysfs leads that stands two directories deep, as all those do that lead to devices: its path without
    /// a slash at its start, `devices/virtual/block/dm-0`.
    fn device(&self, link: &[&[u8]]) -> Option<Path> {
        let link = Path::of(link)?;
        let mut buffer = [0; 512];
        let length = fd::read_link_at(&self.sysfs, link.as_c_str(), &mut buffer).ok()?;
        // One that fills the buffer may go on.
        let path = buffer.get(..length).filter(|path| path.len() < buffer.len())?;
        Path::of(&[path.strip_prefix(b"../../")?])
    }
}

/// What is around a disk, from sysfs.
struct Around<'a> {
    sysfs: &'a Fd,
    buffer: &'a mut [u8],
}

impl Surroundings for Around<'_> {
    #[inline(never)] // smaller so
    fn driver(&mut self, path: &[u8]) -> Driver {
        let link = Path::of(&[path, b"/driver"]).and_then(|link| {
            let length = fd::read_link_at(self.sysfs, link.as_c_str(), self.buffer).ok()?;
            self.buffer.get(..length)
        });
        Driver::named(last(link.unwrap_or_default()))
    }

    fn position(&mut self, path: &[u8], word: &[u8], number: u64) -> Option<u64> {
        let directory = open_at(self.sysfs, &[path], DIRECTORY).ok()?;
        let mut before = 0_u64;
        let mut is_there = false;
        directory::names(&directory, self.buffer, |name| {
            if let Some(other) = numbered(name.to_bytes(), word) {
                before = before.saturating_add(u64::from(other < number));
                is_there |= other == number;
            }
            true
        })
        .ok()?;
        is_there.then_some(before)
    }
}

/// The number in a name that is a word and a number.
fn numbered(name: &[u8], word: &[u8]) -> Option<u64> {
    decimal(name.strip_prefix(word)?).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The last component of a path.
fn last(path: &[u8]) -> &[u8] {
    split_path(path).1
}

#[cfg(test)]
pub(super) mod tests;
