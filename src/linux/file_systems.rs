//! The file systems that are mounted, and their disks.

use super::Linux;
use super::disks::{Disks, Name};
use super::mount_list::{self, Room};
use super::mounts::{self, Device};
use super::path::Path;
use crate::guest::{FileSystemPiece, FileSystemPlace, FileSystemSizes, FileSystems, ListPlace, MountListError};
use crate::json::write::decimal as digits;
use crate::sys::file_system;

type Visit<'v> = &'v mut dyn FnMut(FileSystemPiece<'_>, FileSystemPlace) -> bool;

/// A place: that of the file system told last and, if it has not ended, one more than the disks told of it.
struct Place {
    system: ListPlace,
    disks: u32,
}

impl Place {
    fn pack(&self) -> FileSystemPlace {
        let ListPlace([device, left]) = self.system;
        FileSystemPlace([device, left, self.disks.into()])
    }

    fn unpack(FileSystemPlace([device, left, disks]): FileSystemPlace) -> Self {
        Place { system: ListPlace([device, left]), disks: u32::try_from(disks).unwrap_or(u32::MAX) }
    }
}

impl FileSystems for Linux {
    fn file_systems(
        &mut self,
        from: FileSystemPlace,
        buffer: &mut [u8],
        visit: Visit<'_>,
    ) -> Result<(), MountListError> {
        let Room { devices, path, lines } = Room::of(buffer);
        let list = mount_list::devices(&mut self.proc, devices, lines)?;
        let disks = Disks::open(&mut self.sys);
        let mut place = Place::unpack(from);
        loop {
            if place.disks == 0 {
                let Some((device, behind)) = mount_list::next(list, place.system) else { return Ok(()) };
                place = Place { system: behind, disks: 1 };
                match self.begin(device, disks.as_ref(), path, lines, &mut |piece| visit(piece, place.pack())) {
                    Some(true) => {}
                    Some(false) => return Ok(()),
                    // It has just been unmounted.
                    None => {
                        place.disks = 0;
                        continue;
                    }
                }
            }
            let device = mount_list::device_at(place.system);
            if let Some(disks) = &disks
                && let Some(name) = disks.name(device)
            {
                let skip = place.disks.saturating_sub(1);
                let goes_on = disks.each(&name, skip, lines, &mut |disk| {
                    place.disks = place.disks.saturating_add(1);
                    visit(FileSystemPiece::Disk(disk), place.pack())
                });
                if !goes_on {
                    return Ok(());
                }
            }
            place.disks = 0;
            if !visit(FileSystemPiece::End, place.pack()) {
                return Ok(());
            }
        }
    }
}

impl Linux {
    /// Gives the head of a file system to `visit`; answers what that does, or `None` if it is not mounted any more.
    fn begin(
        &mut self,
        device: Device,
        disks: Option<&Disks>,
        path: &mut [u8],
        lines: &mut [u8],
        visit: &mut dyn FnMut(FileSystemPiece<'_>) -> bool,
    ) -> Option<bool> {
        let sizes = mounts::open_device(&mut self.proc, device, lines, |mount| mounts::reach_mount(mount, path))
            .and_then(|place| file_system::room(&place))
            .ok()
            .map(sizes);
        let known = disks.and_then(|disks| disks.name(device));
        let number = number(device);
        let name = known.as_ref().map(Name::as_slice).or(number.as_ref().map(Path::as_bytes)).unwrap_or_default();
        let mut result = None;
        let all = mounts::each(&mut self.proc, lines, |mount| {
            if mount.block_device() != Some(device) {
                return true;
            }
            if let Some(point) = mount.point.to_path(path) {
                let (mount_point, kind) = (point.to_bytes(), mount.kind);
                result = Some(visit(FileSystemPiece::Begin { device: name, mount_point, kind, sizes }));
            }
            false
        });
        // What fails now did not when the devices were listed: the mounts are gone.
        let _ = all;
        result
    }
}

/// Without sysfs a device has no name but its number.
fn number(device: Device) -> Option<Path> {
    let (major, minor) = (&mut [0; 20], &mut [0; 20]);
    Path::of(&[digits(device.major.into(), major), b":", digits(device.minor.into(), minor)])
}

fn sizes(room: file_system::Room) -> FileSystemSizes {
    let used = room.blocks.saturating_sub(room.free);
    let bytes = |blocks: u64| blocks.saturating_mul(room.block_bytes);
    FileSystemSizes {
        used_bytes: bytes(used),
        total_bytes: bytes(used.saturating_add(room.available)),
        privileged_bytes: bytes(room.blocks),
    }
}
