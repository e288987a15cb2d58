//! Names, and the os-release file.

use super::Linux;
use super::lines::each_line;
use crate::errno::Errno;
use crate::guest::{HostName, System};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{start, system};

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
    fn os_release(&mut self, buffer: &mut [u8], visit: &mut dyn FnMut(&[u8])) {
        let file = match start::environment(c"QGA_OS_RELEASE") {
            Some(path) => Fd::open(path, OpenFlags::READ),
            None => Fd::open(c"/etc/os-release", OpenFlags::READ)
                .or_else(|_| Fd::open(c"/usr/lib/os-release", OpenFlags::READ)),
        };
        if let Ok(file) = file {
            // Lines that cannot be read are as good as lines that are not there.
            let _: Result<(), Errno> = each_line(&file, buffer, |line| {
                visit(line);
                true
            });
        }
    }
}
