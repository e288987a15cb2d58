//! Starting programs (clone(2), execve(2)) and waiting for them (wait4(2), pidfd_open(2)).
//!
//! The child shares the memory of the agent, which stands still until the child runs its program or ends: nothing is
//! copied, however large the agent is, and why a program cannot be run is known at once.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::fd::Fd;
use super::signal::hold;
use super::{check, kernel, last_errno};
use crate::errno::Errno;

/// An element of a list of texts that a program is given; the list ends with [`TextPointer::END`].
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct TextPointer<'t> {
    pointer: *const c_char,
    text: PhantomData<&'t CStr>,
}

impl<'t> TextPointer<'t> {
    /// The end of a list.
    pub const END: TextPointer<'static> = TextPointer { pointer: core::ptr::null(), text: PhantomData };

    /// A text.
    pub const fn to(text: &'t CStr) -> Self {
        TextPointer { pointer: text.as_ptr(), text: PhantomData }
    }

    /// As many elements as fit into `room`, each of them the end: for lists whose length is not known before.
    pub fn list_in(room: &'t mut [u8]) -> &'t mut [Self] {
        // SAFETY: all-zero bytes are null pointers, which are ends; `align_to_mut` splits at their alignment, so no byte is
        // in two parts, and the lifetime is that of the room.
        let (_, list, _) = unsafe {
            room.fill(0);
            room.align_to_mut::<Self>()
        };
        list
    }
}

/// A program to be started. Only its standard descriptors are handed to it.
#[derive(Clone, Copy, Debug)]
pub struct Program<'p> {
    /// Its file; it is not looked for along `PATH`, and a script must name its interpreter.
    pub path: &'p CStr,
    /// Its arguments, of which the first is its own name.
    pub arguments: &'p [TextPointer<'p>],
    /// Its environment; `None` for that of the agent.
    pub environment: Option<&'p [TextPointer<'p>]>,
    /// Its standard input, output and error. They may be the same.
    pub standard: [&'p Fd; 3],
    /// It leads a session and a process group of its own, whose number is its own.
    pub new_session: bool,
}

/// Why a program cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// There can be no process for it.
    Create(Errno),
    /// The process cannot run it: `ENOENT` if it is missing, `ENOEXEC` for a script that names no interpreter.
    Execute(Errno),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status, 0 to 255.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// A process that this one started. Until its end was taken by [`Child::try_wait`] its number is its own; so it is not to
/// be dropped before.
#[derive(Debug)]
pub struct Child {
    pid: i32,
    descriptor: Option<Fd>,
}

/// Room for the calls between clone(2) and execve(2), 8 KiB, aligned as stacks are. No signal is handled on it.
type Stack = [u128; 512];

/// Files that programs make are for their owner only.
static PRIVATE_FILES: AtomicBool = AtomicBool::new(false);

/// From now on programs are started with the umask 077, whatever that of this process is: what they are told to note, such as a
/// dump of a database, is then not for everybody. Programs of a qemu-ga in the background have it.
pub fn keep_files_private() {
    PRIVATE_FILES.store(true, Ordering::Relaxed);
}

/// What the child is to do, and what it tells of it. The parent's own, which stands still meanwhile.
struct Plan<'p> {
    program: &'p Program<'p>,
    environment: *const *const c_char,
    /// Why it could not be done; 0 as long as that is not known.
    error: AtomicI32,
}

/// Starts a program. All signals have their default actions in it, and none is held back.
///
/// # Errors
/// Those of the type; `EINVAL` for a list without its end.
pub fn spawn(program: &Program<'_>) -> Result<Child, SpawnError> {
    let environment = program.environment.map_or_else(super::start::environment_list, |list| list.as_ptr().cast());
    let has_end = |list: &[TextPointer<'_>]| list.iter().any(|text| text.pointer.is_null());
    if !has_end(program.arguments) || !program.environment.is_none_or(has_end) {
        return Err(SpawnError::Execute(Errno::EINVAL));
    }
    let plan = Plan { program, environment, error: AtomicI32::new(0) };
    let pid = while_signals_are_held(|| start(&plan)).map_err(SpawnError::Create)?;
    let error = plan.error.load(Ordering::Relaxed);
    if error != 0 {
        // It is ending, so this takes no time. Its status says nothing new.
        while wait(pid, 0) == Err(Errno::EINTR) {}
        return Err(SpawnError::Execute(Errno::new(error)));
    }
    // SAFETY: the call touches no memory. On success the descriptor is new, and closed when a program is started.
    let descriptor = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) });
    let descriptor = descriptor.ok().and_then(|raw| i32::try_from(raw).ok()).map(Fd::from_raw);
    Ok(Child { pid, descriptor })
}

/// Holds all signals back meanwhile: a handler of the agent must not run in the child, which shares its memory.
fn while_signals_are_held<T>(act: impl FnOnce() -> T) -> T {
    let before = hold(!0);
    let result = act();
    hold(before);
    result
}

unsafe extern "C" {
    /// clone(2) on a stack of its own, which takes assembly. Both musl and glibc have this below their `clone`, which in musl
    /// also waits for locks of other threads.
    fn __clone(
        run: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
        ...
    ) -> c_int;
}

/// Starts the child, and comes back once it runs its program or has ended.
fn start(plan: &Plan<'_>) -> Result<i32, Errno> {
    let mut stack = MaybeUninit::<Stack>::uninit();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is aligned, writable and used by nobody else, and it grows down from its end. With CLONE_VFORK this
    // process stands still until the child has left the memory they share, by execve(2) or its end; so stack and plan
    // outlive their use. The child writes nothing but its stack, the plan's atomic, and the errno of this thread, which is
    // not looked at before the next call fails.
    let pid = unsafe { __clone(child, stack.as_mut_ptr().add(1).cast(), flags, (&raw const *plan).cast_mut().cast()) };
    match pid {
        0.. => Ok(pid),
        // It is below the function that would put the error into errno.
        _ if cfg!(target_env = "musl") => Err(Errno::new(pid.wrapping_neg())),
        _ => Err(last_errno()),
    }
}

/// The child's only function.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: this is the plan that `start` was given, which is valid as long as the child shares its memory.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    let error = plan.execute().number();
    plan.error.store(error, Ordering::Relaxed);
    // SAFETY: the call touches no memory and does not come back; nothing of the parent's is run or flushed at this exit.
    unsafe { libc::_exit(127) }
}

impl Plan<'_> {
    /// Runs the program. Comes back only with the reason why not. Nothing here may touch memory of the parent's.
    fn execute(&self) -> Errno {
        default_signal_actions();
        if self.program.new_session {
            // SAFETY: the call touches no memory. A new process leads no group, so it does not fail.
            unsafe { libc::setsid() };
        }
        if PRIVATE_FILES.load(Ordering::Relaxed) {
            super::fd::set_umask(0o077);
        }
        if let Err(errno) = self.place_descriptors() {
            return errno;
        }
        hold(0);
        // SAFETY: the path ends with a NUL; the lists are of pointers to such texts, valid as long as the plan, and end with
        // a null pointer, as `spawn` made sure of and the C library promises of the environment.
        unsafe { libc::execve(self.program.path.as_ptr(), self.program.arguments.as_ptr().cast(), self.environment) };
        last_errno()
    }

    /// Puts the standard descriptors in their places.
    fn place_descriptors(&self) -> Result<(), Errno> {
        let mut copies = [-1; 3];
        // Copied first: one of them may be in the place of another.
        for (copy, fd) in copies.iter_mut().zip(self.program.standard) {
            // SAFETY: the call touches no memory.
            *copy = check(unsafe { kernel::fcntl(fd.raw(), libc::F_DUPFD_CLOEXEC, 3) })?;
        }
        for (place, copy) in (0..).zip(copies) {
            // SAFETY: the call touches no memory. What is in the place is the child's own copy of a descriptor.
            check(unsafe { libc::dup2(copy, place) })?;
        }
        // SAFETY: the call touches no memory, and what it closes is the child's own copy. Before Linux 5.9, which is an error,
        // only what the agent itself was started with stays open.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
        Ok(())
    }
}

/// Gives every signal its default action: a program inherits those that are ignored.
fn default_signal_actions() {
    const SIGNALS: c_int = 64;
    // The kernel's own structure, of at most 32 bytes: all-zero is the default action.
    let action = [0_u64; 4];
    for signal in 1..=SIGNALS {
        // SAFETY: the structure is valid, and the call keeps no pointer. It goes by number because C libraries note what is
        // set, in memory that is the parent's. SIGKILL and SIGSTOP are refused; they have their default actions.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), core::ptr::null_mut::<u64>(), 8) };
    }
}

/// The number of a child that has ended, or none with `WNOHANG`, and how it ended.
fn wait(pid: i32, options: c_int) -> Result<Option<(i32, Ended)>, Errno> {
    let mut status = 0;
    // SAFETY: the status is writable, and the call keeps no pointer.
    let ended = check(unsafe { kernel::waitpid(pid, &raw mut status, options) })?;
    Ok(if ended == 0 {
        None
    } else if libc::WIFEXITED(status) {
        Some((ended, Ended::Exited(libc::WEXITSTATUS(status))))
    } else {
        Some((ended, Ended::Killed(libc::WTERMSIG(status))))
    })
}

/// Takes the end of any child that has ended: its number, and how it ended. `None` if there is none. Children that this
/// process was handed by others are among them.
pub fn take_ended() -> Option<(i32, Ended)> {
    wait(-1, libc::WNOHANG).ok().flatten()
}

impl Child {
    /// The number of the process.
    pub fn id(&self) -> i32 {
        self.pid
    }

    /// Can be read once the process has ended. `None` before Linux 5.3; SIGCHLD comes in any case.
    pub fn descriptor(&self) -> Option<&Fd> {
        self.descriptor.as_ref()
    }

    /// How the process ended; `None` as long as it runs. To be asked only until it has answered.
    ///
    /// # Errors
    /// Those of waitpid(2): `ECHILD` if its end was taken elsewhere.
    pub fn try_wait(&self) -> Result<Option<Ended>, Errno> {
        Ok(wait(self.pid, libc::WNOHANG)?.map(|(_, ended)| ended))
    }

    /// How the process ended, once it has.
    ///
    /// # Errors
    /// As for [`Child::try_wait`].
    pub fn wait(&self) -> Result<Option<Ended>, Errno> {
        loop {
            match wait(self.pid, 0) {
                Err(Errno::EINTR) => {}
                ended => return Ok(ended?.map(|(_, ended)| ended)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fd::{OpenFlags, pipe};

    const SHELL: &CStr = c"/bin/sh";

    fn to_the_end(fd: &Fd) -> String {
        let mut text = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = fd.read(&mut buffer) {
            text.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8(text).unwrap()
    }

    fn null() -> Fd {
        Fd::open(c"/dev/null", OpenFlags::READ_WRITE).unwrap()
    }

    /// Runs a shell command; answers its output and how it ended.
    fn shell(command: &CStr, environment: Option<&[TextPointer<'_>]>) -> (String, Ended) {
        let (reader, writer) = pipe().unwrap();
        let mut room = [0; 64];
        let arguments = TextPointer::list_in(&mut room);
        for (place, text) in arguments.iter_mut().zip([SHELL, c"-c", command]) {
            *place = TextPointer::to(text);
        }
        let standard = [&null(), &writer, &writer];
        let program = Program { path: SHELL, arguments, environment, standard, new_session: true };
        let child = spawn(&program).unwrap();
        drop(writer);
        (to_the_end(&reader), child.wait().unwrap().unwrap())
    }

    fn refusal(path: &CStr, arguments: &[TextPointer<'_>]) -> SpawnError {
        let null = null();
        let program =
            Program { path, arguments, environment: None, standard: [&null, &null, &null], new_session: false };
        spawn(&program).expect_err("it cannot be run")
    }

    #[test]
    fn output_and_status_of_a_program() {
        assert_eq!(shell(c"echo out; echo error >&2; exit 7", None), ("out\nerror\n".into(), Ended::Exited(7)));
        assert_eq!(shell(c"read line", None), (String::new(), Ended::Exited(1)), "nothing to read");
        assert_eq!(shell(c"kill -KILL $$", None).1, Ended::Killed(libc::SIGKILL));
    }

    #[test]
    fn an_environment_is_replaced_or_left() {
        let environment = [TextPointer::to(c"ONE=1 and a half"), TextPointer::END];
        assert_eq!(shell(c"echo $ONE; echo $HOME$CARGO_PKG_NAME", Some(&environment)).0, "1 and a half\n\n");
        assert_eq!(shell(c"echo $CARGO_PKG_NAME", None).0, "picoqga\n");
    }

    #[test]
    fn signals_that_are_ignored_or_held_back_come_to_a_program() {
        // The one that runs the tests ignores SIGPIPE.
        assert_eq!(shell(c"kill -PIPE $$", None).1, Ended::Killed(libc::SIGPIPE));
        while_signals_are_held(|| {
            assert_eq!(shell(c"kill -TERM $$", None).1, Ended::Killed(libc::SIGTERM));
        });
        let masks = shell(c"grep -E 'Sig(Blk|Ign)' /proc/self/status", None).0;
        assert_eq!(masks.matches("0000000000000000").count(), 2, "{masks}");
    }

    #[test]
    fn a_program_has_a_session_and_no_descriptors_but_its_own() {
        // Of a line of stat(5): number, parent, group, session.
        let (text, _) = shell(c"read line </proc/self/stat; set -- $line; echo $$ $1 $5 $6; ls /proc/self/fd", None);
        let lines: Vec<_> = text.lines().collect();
        let numbers: Vec<_> = lines[0].split(' ').collect();
        assert!(numbers.iter().all(|&number| number == numbers[0]), "{text}");
        // ls has the directory open as well.
        assert_eq!(lines[1..], ["0", "1", "2", "3"]);
    }

    #[test]
    fn why_a_program_cannot_be_run_is_told() {
        let arguments = [TextPointer::to(c"name"), TextPointer::END];
        assert_eq!(refusal(c"/nonexistent", &arguments), SpawnError::Execute(Errno::ENOENT));
        assert_eq!(refusal(c"/", &arguments), SpawnError::Execute(Errno::EACCES));
        assert_eq!(refusal(SHELL, &arguments[..1]), SpawnError::Execute(Errno::EINVAL), "a list without an end");
        let script = std::env::temp_dir().join(format!("picoqga-{}-script", std::process::id()));
        std::fs::write(&script, "echo\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let path = std::ffi::CString::new(script.to_str().unwrap()).unwrap();
        let refused = refusal(&path, &arguments);
        std::fs::remove_file(&script).unwrap();
        assert_eq!(refused, SpawnError::Execute(Errno::ENOEXEC));
    }

    #[test]
    fn a_process_is_seen_to_end_and_leaves_nothing() {
        let (reader, writer) = pipe().unwrap();
        let null = null();
        let arguments = [SHELL, c"-c", c"read line"].map(TextPointer::to);
        let arguments: Vec<_> = arguments.into_iter().chain([TextPointer::END]).collect();
        let standard = [&reader, &null, &null];
        let program = Program { path: SHELL, arguments: &arguments, environment: None, standard, new_session: false };
        let child = spawn(&program).unwrap();
        drop(reader);
        assert_eq!(child.try_wait(), Ok(None));
        drop(writer);
        if let Some(descriptor) = child.descriptor() {
            let mut wanted = libc::pollfd { fd: descriptor.raw(), events: libc::POLLIN, revents: 0 };
            // SAFETY: there is one structure, and it is writable.
            assert_eq!(unsafe { libc::poll(&raw mut wanted, 1, 10_000) }, 1);
            assert_eq!(child.try_wait(), Ok(Some(Ended::Exited(1))));
        } else {
            assert_eq!(child.wait(), Ok(Some(Ended::Exited(1))));
        }
        assert_eq!(child.try_wait(), Err(Errno::ECHILD), "its end was taken");
    }
}
