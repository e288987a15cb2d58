//! The file systems that are mounted, and their disks.

use super::Linux;
use super::disks::{Disks, Name};
use super::mount_list::{self, Room};
use super::mounts::{self, Device, Mount};
use super::path::Path;
use crate::guest::{FileSystemPiece, FileSystemPlace, FileSystemSizes, FileSystems, ListPlace, MountListError};
use crate::sys::fd::Fd;
use crate::sys::file_system;

type Visit<'v> = &'v mut dyn FnMut(FileSystemPiece<'_>, FileSystemPlace) -> bool;

/// A place: that of the file system told last and, if it has not ended, one more than the disks told of it.
struct Place {
    system: ListPlace,
    disks: i64,
}

impl Place {
    fn pack(&self) -> FileSystemPlace {
        let ListPlace([device, left]) = self.system;
        FileSystemPlace([device, left, self.disks])
    }

    fn unpack(FileSystemPlace([device, left, disks]): FileSystemPlace) -> Self {
        Place { system: ListPlace([device, left]), disks }
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
                let skip = u32::try_from(place.disks.saturating_sub(1)).unwrap_or(u32::MAX);
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
    #[inline(never)] // smaller so
    fn begin(
        &mut self,
        device: Device,
        disks: Option<&Disks>,
        path: &mut [u8],
        lines: &mut [u8],
        visit: &mut dyn FnMut(FileSystemPiece<'_>) -> bool,
    ) -> Option<bool> {
        let known = disks.and_then(|disks| disks.name(device));
        // Without sysfs it has no name but that.
        let number = device.path(b"");
        let name = known.as_ref().map(Name::as_slice).or(number.as_ref().map(Path::as_bytes)).unwrap_or_default();
        let proc = &mut self.proc;
        // Another mount may cover it. Where it is mounted elsewhere as well, that tells how large it is.
        let place = mounts::open_device(proc, device, lines, &mut |mount| mounts::reach_mount(mount, path));
        let sizes = place.ok().and_then(|place| sizes(&place));
        let mut result = None;
        mount_list::first(proc, device, lines, &mut |mount| result = tell(mount, name, sizes, path, visit));
        result
    }
}

fn tell(
    mount: &Mount<'_>,
    device: &[u8],
    sizes: Option<FileSystemSizes>,
    path: &mut [u8],
    visit: &mut dyn FnMut(FileSystemPiece<'_>) -> bool,
) -> Option<bool> {
    let mount_point = mount.point.to_path(path)?.to_bytes();
    Some(visit(FileSystemPiece::Begin { device, mount_point, kind: mount.kind, sizes }))
}

fn sizes(place: &Fd) -> Option<FileSystemSizes> {
    let room = file_system::room(place).ok()?;
    let used = room.blocks.saturating_sub(room.free);
    let bytes = |blocks: u64| blocks.saturating_mul(room.block_bytes);
    Some(FileSystemSizes {
        used_bytes: bytes(used),
        total_bytes: bytes(used.saturating_add(room.available)),
        privileged_bytes: bytes(room.blocks),
    })
}
