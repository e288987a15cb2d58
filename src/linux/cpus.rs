//! Processors, by the files of `/sys/devices/system/cpu`.

use core::ffi::CStr;

use super::Linux;
use super::numbered;
use crate::errno::Errno;
use crate::guest::{Cpu, CpuError, Cpus, ListPlace};
use crate::sys::fd::{Fd, OpenFlags};

const DIRECTORY: &CStr = c"devices/system/cpu";
const WORD: &[u8] = b"cpu";

impl Cpus for Linux {
    fn cpus(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(Cpu, ListPlace) -> bool,
    ) -> Result<(), CpuError> {
        let directory = self.sys.open(DIRECTORY).map_err(CpuError::List)?;
        let mut result = Ok(());
        numbered::each(&directory, WORD, from, buffer, |number, place| {
            let Ok(id) = i64::try_from(number) else { return true };
            match cpu(&directory, id) {
                Ok(Some(cpu)) => visit(cpu, place),
                Ok(None) => true,
                Err(error) => {
                    result = Err(error);
                    false
                }
            }
        })
        .map_err(CpuError::List)?;
        result
    }

    fn cpus_obstacle(&mut self) -> Option<&'static str> {
        self.sys.lacks(DIRECTORY).then_some("the kernel tells nothing of processors: no /sys/devices/system/cpu")
    }

    fn set_cpu(&mut self, id: i64, online: bool) -> Result<(), CpuError> {
        let cpu = self
            .sys
            .open(DIRECTORY)
            .and_then(|directory| directory.open_at(numbered::path(WORD, id.into(), b"")?.as_c_str(), OpenFlags::READ))
            .map_err(|errno| CpuError::Find(id, errno))?;
        let file = match cpu.open_at(c"online", OpenFlags::READ_WRITE) {
            Ok(file) => file,
            Err(Errno::ENOENT) if online => return Ok(()),
            Err(Errno::ENOENT) => return Err(CpuError::AlwaysOnline(id)),
            Err(errno) => return Err(CpuError::OpenState(id, errno)),
        };
        if is_online(&file, id)? == online {
            return Ok(());
        }
        // A file of sysfs takes all or nothing.
        file.write(if online { b"1" } else { b"0" }).map(drop).map_err(|errno| CpuError::WriteState(id, errno))
    }
}

/// A processor of the list; `None` if it is gone.
fn cpu(directory: &Fd, id: i64) -> Result<Option<Cpu>, CpuError> {
    let paths = numbered::path(WORD, id.into(), b"/online").and_then(|state| {
        let own = numbered::path(WORD, id.into(), b"")?;
        Ok((own, state))
    });
    let (own, state) = paths.map_err(CpuError::List)?;
    let file = match directory.open_at(state.as_c_str(), OpenFlags::READ) {
        Ok(file) => file,
        Err(Errno::ENOENT) if numbered::has(directory, &own) => {
            return Ok(Some(Cpu { id, is_online: true, can_offline: false }));
        }
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(CpuError::OpenState(id, errno)),
    };
    match is_online(&file, id) {
        Ok(is_online) => Ok(Some(Cpu { id, is_online, can_offline: true })),
        Err(CpuError::ReadState(_, Errno::ENODEV)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_online(file: &Fd, id: i64) -> Result<bool, CpuError> {
    match numbered::start(file, &mut [0; 8]) {
        Ok([]) => Err(CpuError::NoState(id)),
        Ok(state) => Ok(state.first() != Some(&b'0')),
        Err(errno) => Err(CpuError::ReadState(id, errno)),
    }
}
