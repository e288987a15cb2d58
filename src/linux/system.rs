//! Clock, names, and the os-release file.

use super::Linux;
use super::lines::read_whole;
use crate::errno::Errno;
use crate::guest::{Clock, HostName, System};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{start, system};

impl Clock for Linux {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        system::real_time_ns()
    }
}

impl HostName for Linux {
    fn host_name<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        system::host_name(buffer)
    }
}

impl System for Linux {
    fn kernel_names(&mut self, use_names: &mut dyn FnMut([&[u8]; 3])) -> Result<(), Errno> {
        let names = system::Names::read()?;
        use_names([names.release(), names.version(), names.machine()]);
        Ok(())
    }

    /// The file that `QGA_OS_RELEASE` names, and only that; else `/etc/os-release`, else `/usr/lib/os-release`.
    fn os_release<'b>(&mut self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let file = match start::environment(c"QGA_OS_RELEASE") {
            Some(path) => Fd::open(path, OpenFlags::READ),
            None => Fd::open(c"/etc/os-release", OpenFlags::READ)
                .or_else(|_| Fd::open(c"/usr/lib/os-release", OpenFlags::READ)),
        };
        let length = read_whole(&file.ok()?, buffer).ok()?;
        let text = buffer.get(..length)?;
        let whole_lines = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at.saturating_add(1));
        if length < buffer.len() { buffer.get(..length) } else { buffer.get(..whole_lines) }
    }
}
