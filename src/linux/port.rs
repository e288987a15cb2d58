//! Finding a virtio-serial port: by its path, and, where no udev makes `/dev/virtio-ports/NAME`, by its name in sysfs.

use core::ffi::CStr;

use super::Linux;
use super::device::{look_for_device, open_device};
use super::lines::read_whole;
use super::path::{Path, open_at};
use crate::bytes::put;
use crate::errno::Errno;
use crate::sys::directory;
use crate::sys::fd::{self, Access, Fd, OpenFlags};

/// The port of a guest agent, where udev puts it.
pub const DEFAULT_PATH: &CStr = c"/dev/virtio-ports/org.qemu.guest_agent.0";

/// The longest name that the kernel gives a port, and more.
const NAME_BYTES: usize = 64;

const PORTS: &CStr = c"class/virtio-ports";
const FLAGS: OpenFlags = OpenFlags::READ_WRITE.with(OpenFlags::NON_BLOCKING).with(OpenFlags::NO_TERMINAL);

impl Linux {
    /// Opens the port at `path`, or the one that has the last part of `path` as its name.
    ///
    /// # Errors
    /// `ENOENT` if there is none yet; those of open(2): `EBUSY` while another agent has it.
    pub fn open_port(&mut self, path: &CStr) -> Result<Fd, Errno> {
        match open_device(path, FLAGS) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            opened => return opened,
        }
        let name = path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let mut device = [0; NAME_BYTES];
        let device = self.find_port(name, &mut device)?;
        self.open_of_class(b"virtio-ports", device, FLAGS)
    }

    /// Whether [`Linux::open_port`] would find a port that it may open. It is left closed: an open one takes messages.
    ///
    /// # Errors
    /// As there, but for `EBUSY`.
    pub fn look_for_port(&mut self, path: &CStr) -> Result<(), Errno> {
        match fd::access(None, path, Access::READ_WRITE) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            looked => return looked,
        }
        let name = path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let mut device = [0; NAME_BYTES];
        let device = self.find_port(name, &mut device)?;
        match &Path::of(&[b"/dev/", device]) {
            Some(node) => look_for_device(node.as_c_str()),
            None => Err(Errno::ENOENT),
        }
    }

    /// The kernel's name, such as `vport1p1`, of the port that the host named `name`.
    #[inline(never)] // so that its buffers are not on the stack while the port is opened
    fn find_port<'d>(&mut self, name: &[u8], device: &'d mut [u8; NAME_BYTES]) -> Result<&'d [u8], Errno> {
        let ports = self.sys.open(PORTS)?;
        let mut found = None;
        let mut entries = [0; 512];
        directory::names(&ports, &mut entries, |entry| {
            let mut text = [0; 256];
            let read = open_at(&ports, &[entry.to_bytes(), b"/name"], OpenFlags::READ)
                .and_then(|file| read_whole(&file, &mut text));
            let text = text.get(..read.unwrap_or(0)).unwrap_or_default();
            if !text.is_empty() && text.strip_suffix(b"\n").unwrap_or(text) == name {
                found = put(device, 0, entry.to_bytes());
            }
            found.is_none()
        })?;
        device.get(..found.ok_or(Errno::ENOENT)?).ok_or(Errno::ENOENT)
    }
}
