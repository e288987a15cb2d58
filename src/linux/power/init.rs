//! Asking PID 1 to stop the machine, in the words of the init systems there are.
//!
//! A signal is only sent where PID 1 catches it or waits for it, which `SigCgt` and `SigBlk` of `/proc/1/status` tell, or
//! where its name leaves no doubt: the same program may be an init or a shell. Sources: systemd(1), BusyBox init, initctl(5) of sysvinit, openrc-init(8),
//! runit-init(8), s6-poweroff(8).

use core::ffi::{CStr, c_int};

use crate::errno::Errno;
use crate::guest::Shutdown;
use crate::linux::lines::{each_line, read_whole};
use crate::linux::pseudo::Pseudo;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::signal;

/// systemd's signals count from glibc's SIGRTMIN, whatever the C library of the agent takes for it.
const SIGRTMIN: c_int = 34;
const SIGINT: c_int = 2;
const SIGUSR1: c_int = 10;
const SIGUSR2: c_int = 12;
const SIGTERM: c_int = 15;
const SIGCONT: c_int = 18;

/// Asks PID 1. Answers the name of what was asked, or `None` if nothing there listens.
pub fn ask(proc: &mut Pseudo, how: Shutdown) -> Option<&'static str> {
    let mut path = [0; 256];
    let length = proc.read_link(c"1/exe", &mut path).unwrap_or(0);
    let program = path.get(..length).unwrap_or_default();
    // What is shown of a program whose file was replaced.
    let program = program.strip_suffix(b" (deleted)").unwrap_or(program);
    let program = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    // The signals for halt, power-off and reboot, and whether the masks of PID 1 show that it waits for them.
    let (name, [halt, power_off, reboot], shown) = match program {
        b"systemd" => ("systemd", [3, 4, 5].map(|number: c_int| SIGRTMIN.saturating_add(number)), true),
        // The init waits in sigtimedwait(2), for whose time the kernel takes the signals out of the mask. But what busybox
        // does goes by its name, and under that one it is the init. A script with traps shows what it listens to.
        b"busybox" | b"busybox.static" => ("busybox init", [SIGUSR1, SIGUSR2, SIGTERM], !is_called_init(proc)),
        b"s6-svscan" => ("s6-svscan", [SIGUSR2, SIGUSR1, SIGINT], true),
        b"openrc-init" => return openrc(how).then_some("openrc-init"),
        b"runit" | b"runit-init" => return runit(proc, how).then_some("runit"),
        _ => return sysvinit(how).then_some("sysvinit"),
    };
    let number = match how {
        Shutdown::Halt => halt,
        Shutdown::PowerDown => power_off,
        Shutdown::Reboot => reboot,
    };
    let heard = !shown || listens(proc, number);
    (heard && signal::send(1, number).is_ok()).then_some(name)
}

/// Whether PID 1 was started as `init` or `linuxrc`.
fn is_called_init(proc: &mut Pseudo) -> bool {
    let mut line = [0; 256];
    let length = proc.open(c"1/cmdline").and_then(|file| read_whole(&file, &mut line)).unwrap_or(0);
    let name = line.get(..length).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default();
    let name = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    matches!(name, b"init" | b"linuxrc")
}

fn listens(proc: &mut Pseudo, number: c_int) -> bool {
    let Ok(status) = proc.open(c"1/status") else { return false };
    let bit = u32::try_from(number.saturating_sub(1)).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0);
    let (mut waits, mut ignores) = (false, false);
    let mut buffer = [0; 1024];
    // What cannot be read, or is longer than a mask, says nothing.
    let _: Result<(), Errno> = each_line(&status, &mut buffer, |line| {
        let has = |name: &[u8]| line.strip_prefix(name).and_then(hexadecimal).is_some_and(|mask| mask & bit != 0);
        waits |= has(b"SigCgt:") || has(b"SigBlk:");
        ignores |= has(b"SigIgn:");
        true
    });
    waits && !ignores
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    text.trim_ascii().iter().try_fold(0_u64, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(u64::from(digit))
    })
}

/// Writes to a FIFO that somebody reads: without a reader it cannot be opened.
fn write_to_fifo(path: &CStr, message: &[u8]) -> bool {
    Fd::open(path, OpenFlags::WRITE.with(OpenFlags::NON_BLOCKING))
        .and_then(|fifo| fifo.write(message))
        .is_ok_and(|written| written == message.len())
}

fn openrc(how: Shutdown) -> bool {
    let word: &[u8] = match how {
        Shutdown::Halt => b"halt",
        Shutdown::PowerDown => b"poweroff",
        Shutdown::Reboot => b"reboot",
    };
    write_to_fifo(c"/run/openrc/init.ctl", word)
}

/// sysvinit takes records of 384 bytes: a magic number, a command, a run level, a pause in seconds, and data.
fn sysvinit(how: Shutdown) -> bool {
    const MAGIC: u32 = 0x0309_1969;
    const CHANGE_RUN_LEVEL: u32 = 1;
    const SET_VARIABLE: u32 = 6;
    let record = |command: u32, level: u8, data: &[u8]| {
        let mut record = [0; 384];
        let fields = [MAGIC, command, u32::from(level), 0].into_iter().flat_map(u32::to_ne_bytes);
        let bytes = fields.chain(data.iter().copied());
        record.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        record
    };
    // Whether run level 0 ends with power on or off is told in a variable that its scripts read.
    let (level, variable): (u8, &[u8]) = match how {
        Shutdown::Halt => (b'0', b"INIT_HALT=HALT"),
        Shutdown::PowerDown => (b'0', b"INIT_HALT=POWEROFF"),
        Shutdown::Reboot => (b'6', b"INIT_HALT="),
    };
    [c"/run/initctl", c"/dev/initctl"].into_iter().any(|fifo| {
        write_to_fifo(fifo, &record(SET_VARIABLE, 0, variable))
            && write_to_fifo(fifo, &record(CHANGE_RUN_LEVEL, level, b""))
    })
}

/// runit looks at the permissions of two files when SIGCONT comes. It knows no halt that leaves the power on.
fn runit(proc: &mut Pseudo, how: Shutdown) -> bool {
    if how == Shutdown::Halt || !listens(proc, SIGCONT) {
        return false;
    }
    let set = |path: &CStr, allowed: bool| -> Result<(), Errno> {
        Fd::open(path, OpenFlags::WRITE.with(OpenFlags::CREATE))?.set_permissions(if allowed { 0o100 } else { 0 })
    };
    let told = set(c"/etc/runit/reboot", how == Shutdown::Reboot).and_then(|()| set(c"/etc/runit/stopit", true));
    told.is_ok() && signal::send(1, SIGCONT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_as_the_kernel_prints_them() {
        assert_eq!(hexadecimal(b"\t00000001000004ec"), Some(0x1_0000_04EC));
        assert_eq!(hexadecimal(b"\tffffffffffffffff"), Some(u64::MAX));
        assert_eq!(hexadecimal(b"\tx"), None);
    }

    #[test]
    fn a_shell_or_an_init_of_another_kind_is_not_signalled() {
        // Nothing catches SIGSTKFLT (16), so nothing that runs the tests has it caught or blocked.
        assert!(!listens(&mut Pseudo::proc(), 16));
    }
}
