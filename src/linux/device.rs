//! Devices as sysfs describes them, and character devices: through `/dev`, and, where nobody made a node, through one made
//! for the moment.

use core::ffi::CStr;

use super::Linux;
use super::lines::{device_number, read_whole};
use super::path::Path;
#[cfg(any(feature = "freeze", feature = "inventory"))]
use crate::bytes::{before, split_once};
use crate::errno::Errno;
use crate::sys::fd::{self, Access, Fd, OpenFlags};
#[cfg(feature = "freeze")]
use crate::sys::mount;
use crate::sys::process;

/// Where a node may be made.
const DIRECTORIES: &[&CStr] = &[c"/dev/", c"/run/", c"/tmp/", c"/"];

impl Linux {
    /// Opens the device that the kernel lists as `device` in `/sys/class/CLASS`.
    ///
    /// # Errors
    /// `ENOENT` if it is not listed; those of open(2).
    pub(super) fn open_of_class(&mut self, class: &[u8], device: &[u8], flags: OpenFlags) -> Result<Fd, Errno> {
        match open_node(device, flags) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            opened => return opened,
        }
        let (major, minor) = self.numbers(class, device)?;
        let mut result = Err(Errno::ENOENT);
        for directory in DIRECTORIES {
            if !self.may_write_to(directory) {
                continue;
            }
            let Some(node) = &Path::of(&[directory.to_bytes(), b".picoqga-", device]) else { continue };
            result = fd::make_character_device(node.as_c_str(), major, minor);
            if result.is_ok() {
                let opened = open_device(node.as_c_str(), flags);
                // What cannot be removed was just made, so this does not fail.
                let _: Result<(), Errno> = fd::unlink(node.as_c_str());
                return opened;
            }
        }
        result.and(Err(Errno::ENOENT))
    }

    /// The numbers of that device, major and minor.
    #[inline(never)] // so that its path is not on the stack while a node is made
    fn numbers(&mut self, class: &[u8], device: &[u8]) -> Result<(u32, u32), Errno> {
        let Some(attribute) = &Path::of(&[b"class/", class, b"/", device, b"/dev"]) else { return Err(Errno::ENOENT) };
        let mut text = [0; 32];
        let length = read_whole(&self.sys.open(attribute.as_c_str())?, &mut text)?;
        device_number(text.get(..length).unwrap_or_default()).ok_or(Errno::ENODEV)
    }

    /// Whether to write to a directory does not wait for a thaw.
    fn may_write_to(&self, directory: &CStr) -> bool {
        #[cfg(feature = "freeze")]
        if self.freeze.is_frozen() {
            let directory = Fd::open(directory, OpenFlags::READ.with(OpenFlags::DIRECTORY));
            return directory.is_ok_and(|directory| mount::is_in_memory(&directory));
        }
        let _ = directory;
        true
    }
}

/// Whether the device at `path`, which the kernel lists, can be opened, be it by a node that is made for it.
///
/// # Errors
/// Those of access(2).
pub(super) fn look_for_device(path: &CStr) -> Result<(), Errno> {
    const CAP_MKNOD: u32 = 27;
    match fd::access(None, path, Access::READ_WRITE) {
        Err(Errno::ENOENT) if process::has_capability(CAP_MKNOD) => Ok(()),
        looked => looked,
    }
}

/// Opens the character device of that name in `/dev`.
#[inline(never)] // as above
fn open_node(device: &[u8], flags: OpenFlags) -> Result<Fd, Errno> {
    match &Path::of(&[b"/dev/", device]) {
        Some(node) => open_device(node.as_c_str(), flags),
        None => Err(Errno::ENOENT),
    }
}

/// Opens a character device, and nothing else: a file or directory would be read to its end, again and again.
pub(super) fn open_device(path: &CStr, flags: OpenFlags) -> Result<Fd, Errno> {
    let opened = Fd::open(path, flags)?;
    if opened.is_character_device() { Ok(opened) } else { Err(Errno::ENOTTY) }
}

/// How directories are opened.
#[cfg(feature = "inventory")]
pub(super) const DIRECTORY: OpenFlags = OpenFlags::READ.with(OpenFlags::DIRECTORY);

/// The path of the device's node in `/dev`, as the kernel names it.
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub(super) fn node(device: &Fd, buffer: &mut [u8]) -> Option<Path> {
    let name = line(attribute(device, c"uevent", buffer)?, b"DEVNAME=")?;
    Path::of(&[b"/dev/", name])
}

/// An attribute of a device: the start of a file of sysfs.
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub(super) fn attribute<'b>(device: &Fd, name: &CStr, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let file = device.open_at(name, OpenFlags::READ).ok()?;
    let length = read_whole(&file, buffer).ok()?;
    buffer.get(..length)
}

/// What follows `key` on its line of a text.
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub(super) fn line<'t>(text: &'t [u8], key: &[u8]) -> Option<&'t [u8]> {
    let mut rest = text;
    loop {
        if let Some(value) = rest.strip_prefix(key) {
            return Some(before(value, b'\n'));
        }
        (_, rest) = split_once(rest, b'\n')?;
    }
}
