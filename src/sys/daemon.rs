//! Going into the background (fork(2), setsid(2)), in a way that the parent knows whether the child has started.

use core::ffi::c_int;

use super::fd::{self, Fd, OpenFlags};
use super::{check, kernel};
use crate::errno::Errno;

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The one that was started; the status it is to end with, which is how the child has started.
    Parent(i32),
    /// The one that stays.
    Child(Starting),
}

/// The child while it starts. If it ends before [`Starting::succeeded`], its parent ends with its status.
#[derive(Debug)]
pub struct Starting {
    parent: Fd,
}

/// Makes a child, in a session of its own, and, in the parent, waits until that has started. The child's own files follow the
/// umask of the one who started it, those of its programs do not.
///
/// # Errors
/// Those of pipe2(2) and fork(2); no child was made.
pub fn detach() -> Result<Side, Errno> {
    let (read, write) = fd::pipe()?;
    let (flags, none) = (libc::c_long::from(libc::SIGCHLD), libc::c_long::from(0));
    // The fork(3) of the C library would get its threads and its heap ready, of which there are none.
    // SAFETY: without flags the child gets a copy of everything, the stack included. This process has one thread, and the
    // C library keeps nothing of it that matters here: it asks the kernel for the number of the process each time.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) })?;
    if pid == 0 {
        drop(read);
        // SAFETY: the call touches no memory. It fails only for the leader of a process group, which a child is not.
        unsafe { libc::setsid() };
        super::spawn::keep_files_private();
        return Ok(Side::Child(Starting { parent: write }));
    }
    drop(write);
    loop {
        match read.read(&mut [0]) {
            Err(Errno::EINTR) => {}
            Ok(1) => return Ok(Side::Parent(0)),
            _ => break,
        }
    }
    // The child has ended, or is about to: the kernel closes its end of the pipe before.
    let process = c_int::try_from(pid).map_err(|_| Errno::ESRCH)?;
    let mut status: c_int = 0;
    loop {
        // SAFETY: the status is writable, and the call keeps no pointer.
        match check(unsafe { kernel::waitpid(process, &raw mut status, 0) }) {
            Err(Errno::EINTR) => {}
            Ok(_) if libc::WIFEXITED(status) => return Ok(Side::Parent(libc::WEXITSTATUS(status))),
            _ => return Ok(Side::Parent(1)),
        }
    }
}

impl Starting {
    /// The start is done: lets go of the terminal and of the working directory, and lets the parent end with status 0.
    pub fn succeeded(self) {
        if let Ok(null) = Fd::open(c"/dev/null", OpenFlags::READ_WRITE).or_else(|_| Fd::open(c"/", OpenFlags::READ)) {
            for standard in libc::STDIN_FILENO..=libc::STDERR_FILENO {
                // SAFETY: the call touches no memory; what is replaced belongs to no `Fd`. It fails for no open descriptor.
                unsafe { libc::dup2(null.raw(), standard) };
            }
        }
        // SAFETY: the path ends with a NUL, and the call keeps no pointer. The root can always be entered.
        unsafe { libc::chdir(c"/".as_ptr()) };
        // A parent that was killed in the meantime does not wait; SIGPIPE is ignored by now.
        let _: Result<usize, Errno> = self.parent.write(b"!");
    }
}
