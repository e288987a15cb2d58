//! Finding a virtio-serial port: by its path, and, where no udev makes `/dev/virtio-ports/NAME`, by its name in sysfs.

use core::ffi::CStr;

use super::Linux;
use super::lines::{decimal, read_whole};
use super::path::Path;
use crate::errno::Errno;
use crate::sys::directory;
use crate::sys::fd::{self, Fd, OpenFlags};

/// The port of a guest agent, where udev puts it.
pub const DEFAULT_PATH: &CStr = c"/dev/virtio-ports/org.qemu.guest_agent.0";

const PORTS: &CStr = c"class/virtio-ports";
const FLAGS: OpenFlags = OpenFlags::READ_WRITE.with(OpenFlags::NON_BLOCKING).with(OpenFlags::NO_TERMINAL);

impl Linux {
    /// Opens the port at `path`, or the one that has the last part of `path` as its name.
    ///
    /// # Errors
    /// `ENOENT` if there is none yet; those of open(2): `EBUSY` while another agent has it.
    pub fn open_port(&mut self, path: &CStr) -> Result<Fd, Errno> {
        match open_device(path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            opened => return opened,
        }
        let name = path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let device = self.find_port(name)?;
        let node = Path::of(&[b"/dev/", device.as_c_str().to_bytes()]).ok_or(Errno::ENOENT)?;
        match open_device(node.as_c_str()) {
            Err(Errno::ENOENT) => self.open_without_node(device.as_c_str().to_bytes()),
            opened => opened,
        }
    }

    /// The kernel's name, such as `vport1p1`, of the port that the host named `name`.
    fn find_port(&mut self, name: &[u8]) -> Result<Path, Errno> {
        let ports = self.sys.open(PORTS)?;
        let mut found = None;
        let mut entries = [0; 1024];
        directory::names(&ports, &mut entries, |entry| {
            let attribute = Path::of(&[entry.to_bytes(), b"/name"]);
            let mut text = [0; 256];
            let read = attribute
                .ok_or(Errno::ENOENT)
                .and_then(|attribute| ports.open_at(attribute.as_c_str(), OpenFlags::READ))
                .and_then(|file| read_whole(&file, &mut text));
            let text = text.get(..read.unwrap_or(0)).unwrap_or_default();
            if !text.is_empty() && text.strip_suffix(b"\n").unwrap_or(text) == name {
                found = Path::of(&[entry.to_bytes()]);
            }
            found.is_none()
        })?;
        found.ok_or(Errno::ENOENT)
    }

    /// Opens a port for which `/dev` has no node, because nobody mounted devtmpfs: through a node made for the moment.
    fn open_without_node(&mut self, device: &[u8]) -> Result<Fd, Errno> {
        let attribute = Path::of(&[PORTS.to_bytes(), b"/", device, b"/dev"]).ok_or(Errno::ENOENT)?;
        let mut text = [0; 32];
        let length = read_whole(&self.sys.open(attribute.as_c_str())?, &mut text)?;
        let numbers = text.get(..length).unwrap_or_default();
        let (major, rest) = decimal(numbers).ok_or(Errno::ENODEV)?;
        let (minor, _) = rest.strip_prefix(b":").and_then(decimal).ok_or(Errno::ENODEV)?;
        let (Ok(major), Ok(minor)) = (u32::try_from(major), u32::try_from(minor)) else { return Err(Errno::ENODEV) };
        let mut result = Err(Errno::ENOENT);
        for directory in [&b"/dev/"[..], b"/run/", b"/tmp/", b"/"] {
            let Some(node) = Path::of(&[directory, b".picoqga-", device]) else { continue };
            result = fd::make_character_device(node.as_c_str(), major, minor);
            if result.is_ok() {
                let opened = open_device(node.as_c_str());
                // What cannot be removed was just made, so this does not fail.
                let _: Result<(), Errno> = fd::unlink(node.as_c_str());
                return opened;
            }
        }
        result.and(Err(Errno::ENOENT))
    }
}

/// Opens a character device, and nothing else: a file or directory would be read to its end, again and again.
fn open_device(path: &CStr) -> Result<Fd, Errno> {
    let opened = Fd::open(path, FLAGS)?;
    if opened.is_character_device() { Ok(opened) } else { Err(Errno::ENOTTY) }
}
