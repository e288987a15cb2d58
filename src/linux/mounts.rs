//! The mounts that this process sees (`/proc/self/mountinfo`, proc(5)), and the block devices under them.
//!
//! Nothing is remembered between two looks but the numbers of devices: what is mounted changes at any time, so a file
//! system is looked up by its device when it is needed.

use core::ffi::CStr;

use super::lines::{decimal, device_number, each_line};
use super::path::Path;
use super::pseudo::Pseudo;
use crate::bytes::split_once;
use crate::errno::Errno;
pub use crate::guest::MountListError as ListError;
use crate::json::write::decimal as digits;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::file_system::standing;

/// The number of a block device: major in the upper, minor in the lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl Device {
    /// As bytes, to be kept in a list.
    pub fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.major) << 32 | u64::from(self.minor)).to_ne_bytes()
    }

    /// From the bytes of [`Device::to_bytes`].
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        let number = u64::from_ne_bytes(bytes);
        let half = |number: u64| u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0);
        Device { major: half(number >> 32), minor: half(number) }
    }

    /// As text, `MAJOR:MINOR`, behind another one. `None` if that is too long.
    pub fn path(self, before: &[u8]) -> Option<Path> {
        let [major, minor] = &mut [[0; 20]; 2];
        Path::of(&[before, digits(self.major.into(), major), b":", digits(self.minor.into(), minor)])
    }
}

/// A text of mountinfo, whose blanks and backslashes are written in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escaped<'l>(&'l [u8]);

impl<'l> Escaped<'l> {
    /// Its real bytes.
    pub fn bytes(self) -> impl Iterator<Item = u8> + 'l {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (&first, after) = rest.split_first()?;
            let (byte, after) = match (first, after) {
                (b'\\', [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..]) => {
                    ((high & 3) << 6 | (middle & 7) << 3 | (low & 7), after)
                }
                _ => (first, after),
            };
            rest = after;
            Some(byte)
        })
    }

    /// Its real bytes as a path in `buffer`. `None` if there is no room for them and a NUL.
    pub fn to_path(self, buffer: &mut [u8]) -> Option<&CStr> {
        let mut length = 0_usize;
        for byte in self.bytes() {
            *buffer.get_mut(length)? = byte;
            length = length.saturating_add(1);
        }
        *buffer.get_mut(length)? = 0;
        // A text of the kernel's has no NUL of its own.
        CStr::from_bytes_until_nul(buffer).ok()
    }
}

/// What is left of a line, from which fields are taken one by one.
struct Fields<'l>(Option<&'l [u8]>);

impl<'l> Fields<'l> {
    #[inline(never)] // eight times used
    fn next(&mut self) -> Option<&'l [u8]> {
        let line = self.0.take()?;
        let Some((field, rest)) = split_once(line, b' ') else { return Some(line) };
        self.0 = Some(rest);
        Some(field)
    }
}

/// A line of mountinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'l> {
    /// Its number, which is given again once it is unmounted.
    pub id: u64,
    /// The device that stat(2) gives for its files; major 0 if the file system is on no block device, or on several.
    pub device: Device,
    /// Where it is mounted.
    pub point: Escaped<'l>,
    /// The type of the file system, such as `ext4`.
    pub kind: &'l [u8],
    /// What is mounted: mostly the path of a device.
    pub source: Escaped<'l>,
}

impl<'l> Mount<'l> {
    fn read(line: &'l [u8]) -> Option<Self> {
        let mut fields = Fields(Some(line));
        let (id, _) = decimal(fields.next()?)?;
        fields.next()?;
        let (major, minor) = device_number(fields.next()?)?;
        fields.next()?;
        let point = Escaped(fields.next()?);
        while fields.next()? != b"-" {}
        let kind = fields.next()?;
        let source = Escaped(fields.next()?);
        Some(Mount { id, device: Device { major, minor }, point, kind, source })
    }

    /// The block device that the file system is on. `None` for those of the kernel, of the network and in memory.
    ///
    /// All subvolumes of a btrfs have the device that their line names: it may be on several.
    pub fn block_device(&self) -> Option<Device> {
        match (self.device.major, self.kind) {
            (0, b"btrfs") => {
                let mut path = [0; 256];
                let (major, minor) = fd::block_device_number(self.source.to_path(&mut path)?)?;
                Some(Device { major, minor })
            }
            (0, _) => None,
            _ => Some(self.device),
        }
    }

    /// Whether `place` is on this mount: another one may be mounted over it.
    fn has(&self, place: &Fd) -> Result<(), Errno> {
        let standing = standing(place)?;
        let is_mine = match standing.mount {
            Some(id) => id == self.id,
            // Each subvolume of a btrfs has a device number of its own.
            None => self.kind == b"btrfs" || standing.device == (self.device.major, self.device.minor),
        };
        if is_mine { Ok(()) } else { Err(Errno::EBUSY) }
    }
}

/// Gets hold of the place where `mount` is, without opening it. `buffer` has room for the path.
///
/// # Errors
/// Those of open(2); `EBUSY` if another mount covers it.
pub fn reach_mount(mount: &Mount<'_>, buffer: &mut [u8]) -> Result<Fd, Errno> {
    let place = Fd::open(mount.point.to_path(buffer).ok_or(Errno::ENAMETOOLONG)?, OpenFlags::PLACE)?;
    mount.has(&place).map(|()| place)
}

/// Opens the place where `mount` is, to read. `buffer` has room for the path. What is mounted may be a file; devices and
/// FIFOs are not opened, because they would notice.
///
/// # Errors
/// Those of open(2); `EBUSY` if another mount covers it; `EINVAL` for a device or FIFO.
pub fn open_mount(mount: &Mount<'_>, buffer: &mut [u8]) -> Result<Fd, Errno> {
    let place = reach_mount(mount, buffer)?;
    let standing = standing(&place)?;
    if standing.is_directory {
        return place.open_at(c".", OpenFlags::READ.with(OpenFlags::DIRECTORY));
    }
    if !standing.is_regular {
        return Err(Errno::EINVAL);
    }
    let path = mount.point.to_path(buffer).ok_or(Errno::ENAMETOOLONG)?;
    let file = Fd::open(path, OpenFlags::READ.with(OpenFlags::NON_BLOCKING))?;
    mount.has(&file).map(|()| file)
}

/// Tries `open` on each mount of a device, the oldest first, until one can be had.
///
/// # Errors
/// What the first one failed with; `ENOENT` if the device is not mounted, or [`each`]'s.
pub fn open_device(
    proc: &mut Pseudo,
    device: Device,
    buffer: &mut [u8],
    open: &mut dyn FnMut(&Mount<'_>) -> Result<Fd, Errno>,
) -> Result<Fd, Errno> {
    let mut result = Err(Errno::ENOENT);
    let mut is_first = true;
    each(proc, buffer, |mount| {
        if mount.block_device() != Some(device) {
            return true;
        }
        let opened = open(mount);
        if core::mem::take(&mut is_first) || opened.is_ok() {
            result = opened;
        }
        result.is_err()
    })
    .and(result)
}

/// Gives each mount, the oldest first, to `visit`, until that answers false. `buffer` holds a line at a time.
///
/// # Errors
/// Those of open(2) and read(2), and of a mount of `/proc` where there is none. `ENAMETOOLONG`, once all mounts have been
/// given: some were left out, for their lines are longer than the buffer.
pub fn each(proc: &mut Pseudo, buffer: &mut [u8], mut visit: impl FnMut(&Mount<'_>) -> bool) -> Result<(), Errno> {
    read(proc, buffer, &mut visit)
}

/// Compiled once, for all that visit.
fn read(proc: &mut Pseudo, buffer: &mut [u8], visit: &mut dyn FnMut(&Mount<'_>) -> bool) -> Result<(), Errno> {
    let file = proc.open(c"self/mountinfo")?;
    each_line(&file, buffer, |line| Mount::read(line).is_none_or(|mount| visit(&mount)))
}

/// Lists the block devices that are mounted, in the order of their first mounts, each once. Answers how many there are.
///
/// # Errors
/// Those of the type.
pub fn devices(proc: &mut Pseudo, list: &mut [[u8; 8]], buffer: &mut [u8]) -> Result<usize, ListError> {
    let mut count = 0_usize;
    let limit = list.len();
    let mut is_full = false;
    each(proc, buffer, |mount| {
        let Some(device) = mount.block_device() else { return true };
        let bytes = device.to_bytes();
        if list.get(..count).unwrap_or_default().contains(&bytes) {
            return true;
        }
        match list.get_mut(count) {
            Some(slot) => {
                *slot = bytes;
                count = count.saturating_add(1);
            }
            None => is_full = true,
        }
        !is_full
    })
    .map_err(ListError::System)?;
    if is_full { Err(ListError::TooMany(limit)) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: Escaped<'_>) -> String {
        let mut buffer = [0; 64];
        text.to_path(&mut buffer).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn lines_are_read_with_any_number_of_optional_fields() {
        for optional in ["", "shared:1 ", "shared:1 master:2 propagate_from:3 "] {
            let line = format!("36 35 254:1 /sub /mnt/a\\040b rw,noatime {optional}- ext4 /dev/disk/by-id/a\\134b rw");
            let mount = Mount::read(line.as_bytes()).unwrap();
            assert_eq!((mount.id, mount.device), (36, Device { major: 254, minor: 1 }));
            assert_eq!((path(mount.point), path(mount.source)), ("/mnt/a b".into(), "/dev/disk/by-id/a\\b".into()));
            assert_eq!((mount.kind, mount.block_device()), (&b"ext4"[..], Some(mount.device)));
        }
        for line in ["", "nonsense", "36 35 254 / /a rw - ext4 /dev/a rw", "36 35 1:2 / /a rw shared:1"] {
            assert_eq!(Mount::read(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn file_systems_without_a_block_device_are_told_from_others() {
        for line in [
            "21 20 0:20 / /proc rw - proc proc rw",
            "22 20 0:21 / /tmp rw - tmpfs tmpfs rw",
            "23 20 0:22 / /home rw - nfs4 server:/home rw",
            "24 20 0:23 / / rw - overlay overlay rw,lowerdir=/a",
            "25 20 0:24 / /b rw - btrfs /dev/null rw",
            "25 20 0:24 / /b rw - btrfs /nonexistent rw",
        ] {
            assert_eq!(Mount::read(line.as_bytes()).unwrap().block_device(), None, "{line}");
        }
    }

    #[test]
    fn a_path_that_does_not_fit_is_none() {
        let text = Escaped(b"/a\\011b");
        assert_eq!(text.to_path(&mut [0; 5]), Some(c"/a\tb"));
        assert_eq!(text.to_path(&mut [0; 4]), None);
        assert_eq!(Escaped(b"\\0").to_path(&mut [0; 3]), Some(c"\\0"), "not an escape");
        assert_eq!(Escaped(b"").to_path(&mut [0; 1]), Some(c""));
    }

    #[test]
    fn a_mount_is_reached_only_where_nothing_covers_it() {
        let (mut path, mut reached) = (vec![0; 4096], 0);
        each(&mut Pseudo::proc(), &mut [0; 4096], |mount| {
            match open_mount(mount, &mut path) {
                Ok(file) => {
                    assert!(standing(&file).unwrap().mount.is_none_or(|id| id == mount.id));
                    reached += 1;
                }
                // What is mounted at the same place after it, or what only root sees.
                Err(errno) => assert!(matches!(errno, Errno::EBUSY | Errno::EACCES | Errno::EINVAL), "{errno:?}"),
            }
            // Another mount's number is not that of the place.
            let other = Mount { id: mount.id.wrapping_add(1 << 40), ..*mount };
            assert!(open_mount(&other, &mut path).is_err() || standing_is_unnumbered());
            true
        })
        .unwrap();
        assert!(reached > 0);
        let nowhere = Device { major: 0, minor: 0 };
        let opened =
            open_device(&mut Pseudo::proc(), nowhere, &mut [0; 4096], &mut |mount| open_mount(mount, &mut path));
        assert_eq!(opened, Err(Errno::ENOENT));
    }

    /// Before Linux 5.8.
    fn standing_is_unnumbered() -> bool {
        standing(&Fd::open(c"/", OpenFlags::PLACE).unwrap()).unwrap().mount.is_none()
    }

    #[test]
    fn the_devices_of_this_machine_come_once_each() {
        let mut expected: Vec<String> = Vec::new();
        for line in std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
            let device = line.split(' ').nth(2).unwrap().to_owned();
            if !device.starts_with("0:") && !expected.contains(&device) {
                expected.push(device);
            }
        }
        let mut list = vec![[0; 8]; expected.len() + 1];
        let count = devices(&mut Pseudo::proc(), &mut list, &mut [0; 4096]).unwrap();
        let found: Vec<_> = list[..count].iter().map(|&bytes| Device::from_bytes(bytes)).collect();
        let found: Vec<_> = found.iter().map(|device| format!("{}:{}", device.major, device.minor)).collect();
        assert_eq!(found, expected);
        let Some(less) = expected.len().checked_sub(1) else { return };
        let result = devices(&mut Pseudo::proc(), &mut list[..less], &mut [0; 4096]);
        assert_eq!(result, Err(ListError::TooMany(less)));
    }
}
