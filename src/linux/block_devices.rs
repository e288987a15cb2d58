//! Disks and their partitions, whatever they are used for, from `/sys/block`.
//!
//! They are listed in the order of the kernel, each disk in front of its partitions.

use core::ffi::CStr;

use super::Linux;
use super::disks::{DIRECTORY, Disks, Name, attribute, node};
use super::path::Path;
use crate::bytes::put;
use crate::errno::Errno;
use crate::guest::{BlockDevice, BlockDeviceError, BlockDevices, DiskBus, ListPlace};
use crate::sys::directory;
use crate::sys::fd::{Fd, OpenFlags, SeekFrom};
use crate::sys::nvme;

/// Room for the names of the devices that a disk is made of, in bytes: for 400 of them at least.
const MADE_OF_BYTES: u16 = 16 << 10;

type Visit<'v> = &'v mut dyn FnMut(&BlockDevice<'_>, ListPlace) -> bool;

/// A place: in front of which entry of the directory, and how many devices are told of the disk of that name.
#[derive(Clone, Copy)]
struct Place {
    offset: i64,
    /// A hash of the name, for the entry may be gone, and another one be there.
    hash: u32,
    told: u32,
}

impl Place {
    fn pack(self) -> ListPlace {
        let disk = (u64::from(self.hash) << 32) | u64::from(self.told);
        ListPlace([self.offset, disk.cast_signed()])
    }

    fn unpack(ListPlace([offset, disk]): ListPlace) -> Self {
        let half = |bits: u64| u32::try_from(bits & 0xFFFF_FFFF).unwrap_or(0);
        let disk = disk.cast_unsigned();
        Place { offset, hash: half(disk >> 32), told: half(disk) }
    }
}

/// Room to work in.
struct Room<'b> {
    partitions: &'b mut [u8],
    lines: &'b mut [u8],
    alias: &'b mut [u8],
    made_of: &'b mut [u8],
}

impl BlockDevices for Linux {
    fn block_devices(&mut self, from: ListPlace, buffer: &mut [u8], visit: Visit<'_>) -> Result<(), BlockDeviceError> {
        let directory = self.sys.open(c"block").map_err(BlockDeviceError::List)?;
        let disks = Disks::open(&mut self.sys).ok_or(BlockDeviceError::List(Errno::ENOENT))?;
        list(&disks, &directory, from, buffer, visit)
    }
}

/// Lists them from the directory `block` of sysfs.
fn list(
    disks: &Disks,
    directory: &Fd,
    from: ListPlace,
    buffer: &mut [u8],
    visit: Visit<'_>,
) -> Result<(), BlockDeviceError> {
    let (names, rest) = buffer.split_at_mut_checked(1024).unwrap_or_default();
    let (partitions, rest) = rest.split_at_mut_checked(1024).unwrap_or_default();
    let (alias, rest) = rest.split_at_mut_checked(256).unwrap_or_default();
    let (made_of, lines) = rest.split_at_mut_checked(MADE_OF_BYTES.into()).unwrap_or_default();
    let mut room = Room { partitions, lines, alias, made_of };
    let begin = Place::unpack(from);
    if begin.offset != 0 {
        directory.seek(begin.offset, SeekFrom::Start).map_err(BlockDeviceError::List)?;
    }
    let mut offset = begin.offset;
    let mut result = Ok(true);
    directory::entries(directory, names, |name, behind| {
        let hash = hash(name.to_bytes());
        let mut place = Place { offset, hash, told: 0 };
        let told = if hash == begin.hash { begin.told } else { 0 };
        offset = behind;
        result = each(disks, directory, name, &mut room, &mut |device| {
            place.told = place.told.saturating_add(1);
            place.told <= told || visit(device, place.pack())
        });
        result == Ok(true)
    })
    .map_err(BlockDeviceError::List)?;
    result.map(drop)
}

/// FNV-1a.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811C_9DC5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Tells of a disk and its partitions, if it is not empty, until `tell` answers false; so does this then.
fn each(
    disks: &Disks,
    directory: &Fd,
    name: &CStr,
    room: &mut Room<'_>,
    tell: &mut dyn FnMut(&BlockDevice<'_>) -> bool,
) -> Result<bool, BlockDeviceError> {
    let Ok(own) = directory.open_at(name, DIRECTORY) else { return Ok(true) };
    if attribute(&own, c"size", room.lines).is_none_or(|size| size == b"0\n") {
        return Ok(true);
    }
    // One of several ways to a disk has no node.
    let Some(disk) = node(&own, room.lines) else { return Ok(true) };
    if !whole(disks, &own, name, &disk, room, tell)? {
        return Ok(false);
    }
    let mut goes_on = true;
    let lines = &mut *room.lines;
    // One that is being unplugged has no more of them.
    let _: Result<(), Errno> = directory::names(&own, room.partitions, |part| {
        if !part.to_bytes().starts_with(name.to_bytes()) {
            return true;
        }
        let Ok(part) = own.open_at(part, DIRECTORY) else { return true };
        if part.has(c"partition")
            && let Some(node) = node(&part, lines)
        {
            let made_of = Some(disk.as_bytes());
            goes_on =
                tell(&BlockDevice { name: node.as_bytes(), is_partition: true, made_of, ..BlockDevice::default() });
        }
        goes_on
    });
    Ok(goes_on)
}

/// Tells of a disk.
fn whole(
    disks: &Disks,
    own: &Fd,
    name: &CStr,
    node: &Path,
    room: &mut Room<'_>,
    tell: &mut dyn FnMut(&BlockDevice<'_>) -> bool,
) -> Result<bool, BlockDeviceError> {
    let made_of = made_of(own, room)?;
    let device = BlockDevice {
        name: node.as_bytes(),
        made_of: made_of.and_then(|length| room.made_of.get(..length)),
        alias: attribute(own, c"dm/name", room.alias).map(<[u8]>::trim_ascii_end).filter(|alias| !alias.is_empty()),
        ..BlockDevice::default()
    };
    let mut goes_on = None;
    if let Ok(name) = Name::from_slice(name.to_bytes())
        && !disks.is_virtual(&name)
    {
        disks.each(&name, 0, room.lines, &mut |disk| {
            let mut page = [0; nvme::SMART_BYTES];
            let has_smart = disk.place.bus_kind == DiskBus::Nvme
                && Fd::open(node.as_c_str(), OpenFlags::READ).and_then(|disk| nvme::smart(&disk, &mut page)).is_ok();
            let smart = if has_smart { Some(&page) } else { None };
            goes_on = Some(tell(&BlockDevice { address: Some(disk), smart, ..device }));
            false
        });
    }
    Ok(goes_on.unwrap_or_else(|| tell(&device)))
}

/// Puts the nodes of the devices that a disk is made of into the room for them; answers how many bytes they take.
fn made_of(own: &Fd, room: &mut Room<'_>) -> Result<Option<usize>, BlockDeviceError> {
    let Ok(slaves) = own.open_at(c"slaves", DIRECTORY) else { return Ok(None) };
    let mut length = Some(0);
    // As above.
    let _: Result<(), Errno> = directory::names(&slaves, room.partitions, |slave| {
        let slave = slaves.open_at(slave, DIRECTORY);
        if let Some(node) = slave.ok().and_then(|slave| node(&slave, room.lines))
            && let Some(end) = length
        {
            length = put(room.made_of, end, node.as_c_str().to_bytes_with_nul());
        }
        length.is_some()
    });
    match length {
        // The last one's NUL is between no two.
        Some(length) => Ok(Some(length.saturating_sub(1))),
        None => Err(BlockDeviceError::MadeOfTooMany(MADE_OF_BYTES.into())),
    }
}

#[cfg(test)]
mod tests;
