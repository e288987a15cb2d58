//! Processors, by the files of `/sys/devices/system/cpu`.

use super::Linux;
use super::numbered::{Action, Kind};
use crate::errno::Errno;
use crate::guest::{Cpu, CpuError, Cpus, ListPlace};

const CPU: Kind = Kind {
    directory: c"devices/system/cpu",
    word: b"cpu",
    file: b"/online",
    online: b"1",
    offline: b"0",
    removable: b"",
};

impl Cpus for Linux {
    fn cpus(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&Cpu, ListPlace) -> bool,
    ) -> Result<(), CpuError> {
        let listed = CPU.list(&mut self.sys, from, buffer, &mut |number, state, place| {
            let cpu = Cpu { id: number.cast_signed(), is_online: state.is_online, can_offline: state.can_offline };
            // The kernel gives no number beyond.
            visit(&cpu, place)
        });
        listed.map_err(|(action, number, errno)| error(action, number.cast_signed(), errno))
    }

    fn cpus_obstacle(&mut self) -> Option<&'static str> {
        let is_missing = self.sys.lacks(c"/sys/devices/system/cpu", CPU.directory);
        is_missing.then_some("no /sys/devices/system/cpu")
    }

    fn set_cpu(&mut self, id: i64, online: bool) -> Result<(), CpuError> {
        let Ok(number) = u64::try_from(id) else { return Err(CpuError::Find(id, Errno::ENOENT)) };
        CPU.switch(&mut self.sys, number, online).map_err(|(action, errno)| match action {
            Action::List => CpuError::Find(id, errno),
            _ => error(action, id, errno),
        })
    }
}

fn error(action: Action, id: i64, errno: Errno) -> CpuError {
    match action {
        Action::List => CpuError::List(errno),
        Action::Find => CpuError::Find(id, errno),
        Action::Open => CpuError::OpenState(id, errno),
        Action::Offline => CpuError::AlwaysOnline(id),
        Action::Read => CpuError::ReadState(id, errno),
        Action::Understand => CpuError::NoState(id),
        Action::Write => CpuError::WriteState(id, errno),
    }
}
