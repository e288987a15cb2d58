//! Trimming the file systems that are mounted.

use core::ffi::CStr;

use super::Linux;
use super::mount_list::{self, Room};
use super::mounts;
use crate::errno::Errno;
use crate::guest::{ListPlace, MountListError, Trim, TrimError, Trimmed};
use crate::sys::file_system;

impl Trim for Linux {
    fn next_mount_point<'b>(
        &mut self,
        from: ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<(&'b [u8], ListPlace)>, MountListError> {
        let Room { devices, path, lines } = Room::of(buffer);
        let list = mount_list::devices(&mut self.proc, devices, lines)?;
        let mut place = from;
        while let Some((device, behind)) = mount_list::next(list, place) {
            place = behind;
            let mut length = None;
            mount_list::first(&mut self.proc, device, lines, &mut |mount| {
                length = mount.point.to_path(path).map(CStr::count_bytes);
            });
            if let Some(length) = length {
                return Ok(path.get(..length).map(|path| (path, place)));
            }
        }
        Ok(None)
    }

    fn trim(&mut self, at: ListPlace, minimum_bytes: u64, buffer: &mut [u8]) -> Result<Trimmed, TrimError> {
        let Room { path, lines, .. } = Room::of(buffer);
        let device = mount_list::device_at(at);
        let file = mounts::open_device(&mut self.proc, device, lines, &mut |mount| mounts::open_mount(mount, path))
            .map_err(TrimError::Open)?;
        match file_system::trim(&file, minimum_bytes) {
            Ok((trimmed_bytes, minimum_bytes)) => Ok(Trimmed { trimmed_bytes, minimum_bytes }),
            Err(Errno::ENOTTY | Errno::EOPNOTSUPP) => Err(TrimError::NotSupported),
            Err(errno) => Err(TrimError::Failed(errno)),
        }
    }
}
