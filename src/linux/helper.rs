//! Helper programs: run to their end, with a time limit, and what they say kept as far as there is room.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::guest::HelperError;
use crate::sys::fd::{Fd, pipe};
use crate::sys::poll::readable;
use crate::sys::spawn::{Child, Ended, Program, SpawnError, TextPointer, spawn};
use crate::sys::{process, signal, system};

/// How often to look for the end of a program where the kernel does not tell of it.
const POLL_MS: i32 = 20;
/// How long a program that was killed may take to be gone. One that hangs in the kernel is left alone.
const KILL_MS: u32 = 1000;

/// Runs `program` with one argument and waits for its end, for at most `timeout_s` seconds; 0 is for ever. Answers how it
/// went, and how many bytes of what it wrote, to standard output and error, are in `output`.
///
/// It reads nothing, and leads a session of its own. At the end of its time its process group is killed. A program that it
/// leaves behind is not waited for. As execvp(3) does, a script that names no interpreter is given to /bin/sh.
pub fn run(
    program: &'static CStr,
    argument: &CStr,
    timeout_s: u32,
    output: &mut [u8],
) -> (Result<(), HelperError>, usize) {
    let (child, reader) = match start(program, argument) {
        Ok(started) => started,
        Err(SpawnError::Create(errno)) => return (Err(HelperError::Create(errno)), 0),
        Err(SpawnError::Execute(errno)) => return (Err(HelperError::Execute(program.to_bytes(), errno)), 0),
    };
    let mut said = Said { output, length: 0 };
    let result = match attend(&child, &reader, timeout_s, &mut said) {
        Ok(Some(Ended::Exited(0))) => Ok(()),
        Ok(Some(Ended::Exited(status))) => Err(HelperError::Failed(status)),
        Ok(Some(Ended::Killed(_))) => Err(HelperError::Killed),
        Ok(None) => Err(HelperError::TimedOut(timeout_s)),
        Err(errno) => Err(HelperError::Wait(errno)),
    };
    (result, said.length)
}

/// What a program says.
struct Said<'b> {
    output: &'b mut [u8],
    length: usize,
}

impl Said<'_> {
    /// Takes what one read gives; what there is no room for is dropped. Answers whether there was anything.
    fn take(&mut self, reader: &Fd) -> bool {
        let mut surplus = [0; 512];
        let room = self.output.get_mut(self.length..).unwrap_or_default();
        let is_full = room.is_empty();
        let count = reader.read(if is_full { &mut surplus } else { room }).unwrap_or(0);
        if !is_full {
            self.length = self.length.wrapping_add(count);
        }
        count > 0
    }

    /// Takes what is left in the pipe, once the program has ended, up to the room for it.
    fn take_rest(&mut self, reader: &Fd) {
        while self.length < self.output.len()
            && matches!(readable([Some(reader), None], 0), Ok([true, _]))
            && self.take(reader)
        {}
    }
}

/// What runs a script that names no interpreter.
const SHELL: &CStr = c"/bin/sh";

fn start(program: &CStr, argument: &CStr) -> Result<(Child, Fd), SpawnError> {
    let (reader, writer) = pipe().map_err(SpawnError::Create)?;
    // Nobody holds the other end, so there is nothing to read.
    let (nothing, _) = pipe().map_err(SpawnError::Create)?;
    let standard = [&nothing, &writer, &writer];
    let run = |path, arguments: &[TextPointer<'_>]| {
        spawn(&Program { path, arguments, environment: None, standard, new_session: true })
    };
    let texts = [TextPointer::to(SHELL), TextPointer::to(program), TextPointer::to(argument), TextPointer::END];
    let mut spawned = run(program, texts.get(1..).unwrap_or_default());
    if matches!(spawned, Err(SpawnError::Execute(Errno::ENOEXEC))) {
        spawned = run(SHELL, &texts);
    }
    Ok((spawned?, reader))
}

fn now_ms() -> i64 {
    system::boot_time_ns().unwrap_or(0) / 1_000_000
}

/// Waits for the end of `child`, and takes what it says. `None` if its time is over: it is killed then.
fn attend(child: &Child, reader: &Fd, timeout_s: u32, said: &mut Said<'_>) -> Result<Option<Ended>, Errno> {
    let until_ms =
        if timeout_s == 0 { i64::MAX } else { now_ms().wrapping_add(i64::from(timeout_s).wrapping_mul(1000)) };
    let most_ms = if child.descriptor().is_some() { i32::MAX } else { POLL_MS };
    let mut speaking = Some(reader);
    loop {
        if let Some(ended) = child.try_wait()? {
            said.take_rest(reader);
            return Ok(Some(ended));
        }
        let left_ms = until_ms.wrapping_sub(now_ms());
        if left_ms <= 0 {
            kill(child);
            return Ok(None);
        }
        let wait_ms = i32::try_from(left_ms).unwrap_or(i32::MAX).min(most_ms);
        let [has_said, _] = readable([speaking, child.descriptor()], wait_ms)?;
        if has_said && !said.take(reader) {
            // It has closed its output. Its end is still to come.
            speaking = None;
        }
    }
}

/// Kills the process group of `child`, and takes its end, if it comes in time.
fn kill(child: &Child) {
    const SIGKILL: i32 = 9;
    const STEP_MS: u32 = 10;
    // Its end was not taken, so the group is its own.
    let _: Result<(), Errno> = signal::send(child.id().saturating_neg(), SIGKILL);
    let mut waited_ms = 0_u32;
    while waited_ms < KILL_MS && child.try_wait() == Ok(None) {
        process::sleep_ms(STEP_MS);
        waited_ms = waited_ms.wrapping_add(STEP_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};

    use super::*;

    /// Runs a script with the argument `freeze`; answers how it went and what it said.
    fn script(name: &str, text: &str, timeout_s: u32, room: usize) -> (Result<(), HelperError>, String) {
        let path = std::env::temp_dir().join(format!("picoqga-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        let program: &'static CStr = Box::leak(CString::new(path.to_str().unwrap()).unwrap().into_boxed_c_str());
        let mut output = vec![0; room];
        let (result, length) = run(program, c"freeze", timeout_s, &mut output);
        std::fs::remove_file(&path).unwrap();
        (result, String::from_utf8(output[..length].to_vec()).unwrap())
    }

    #[test]
    fn a_helper_is_told_what_to_do_and_what_it_says_is_kept() {
        let text = "#!/bin/sh\necho \"$1\"; echo error >&2; test $# = 1 && read line; exit 3\n";
        assert_eq!(script("says", text, 10, 100), (Err(HelperError::Failed(3)), "freeze\nerror\n".into()));
        assert_eq!(script("plain", "echo $1", 10, 100), (Ok(()), "freeze\n".into()), "without an interpreter");
        assert_eq!(script("killed", "kill -TERM $$", 0, 100), (Err(HelperError::Killed), String::new()));
    }

    #[test]
    fn one_that_says_more_than_there_is_room_for_ends_all_the_same() {
        let text = "i=0; while [ $i -lt 30000 ]; do echo 123456789; i=$((i+1)); done; exit 4";
        assert_eq!(script("long", text, 30, 25), (Err(HelperError::Failed(4)), "123456789\n123456789\n12345".into()));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started() {
        let began = Instant::now();
        let (result, output) = script("hangs", "echo begun; sleep 77 & echo $!; sleep 78", 1, 100);
        assert_eq!(result, Err(HelperError::TimedOut(1)));
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
        let started = output.strip_prefix("begun\n").unwrap().trim();
        // A kill takes its time, and somebody else has to take its end.
        let is_there =
            || std::fs::read_to_string(format!("/proc/{started}/stat")).is_ok_and(|stat| !stat.contains('Z'));
        while is_there() {
            assert!(began.elapsed() < Duration::from_secs(20), "{started} is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_it_leaves_behind_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(script("leaves", "sleep 3 & echo done", 10, 100), (Ok(()), "done\n".into()));
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn one_that_is_missing_is_named() {
        let (result, length) = run(c"/nonexistent/hook", c"freeze", 10, &mut [0; 8]);
        assert_eq!((result, length), (Err(HelperError::Execute(b"/nonexistent/hook", Errno::ENOENT)), 0));
    }
}
