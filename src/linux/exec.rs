//! Starting the programs of guest-exec, as execvp(3) and a shell look for them.

use core::ffi::CStr;

use super::Linux;
use crate::bytes::{has, put};
use crate::errno::Errno;
use crate::guest::{Capture, Exec, Execution, StartError, Status, Stream};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::spawn::{Program, SpawnError, TextPointer, spawn};
use crate::sys::start;

/// What runs a file that is executable, but no program and names no interpreter.
const SHELL: &CStr = c"/bin/sh";

/// Where programs are looked for if nobody says where.
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin:.";

/// The longest path that Linux takes, with its NUL (PATH_MAX).
const PATH_BYTES: usize = 4096;

impl Exec for Linux {
    #[inline(never)] // smaller so
    fn start(&mut self, execution: &Execution<'_>, room: &mut [u8]) -> Result<i64, StartError> {
        let input = if execution.reads_spool { self.spool.take().map_err(StartError::Streams)? } else { None };
        let input_bytes = input.as_ref().map_or(0, |(_, length)| *length);
        self.children.check_room(input_bytes)?;
        let null = self.open_of_class(b"mem", b"null", OpenFlags::READ_WRITE).map_err(StartError::Streams)?;
        let mut child = self.children.prepare(input_bytes);
        self.children.open_streams(&mut child, execution.capture).map_err(StartError::Streams)?;
        let [output, error] = child.writers();
        let output = output.unwrap_or(&null);
        let error = if execution.capture == Capture::Merged { output } else { error.unwrap_or(&null) };
        let input = input.as_ref().map_or(&null, |(file, _)| file);
        child.pid = run(execution, [input, output, error], room).map_err(|error| match error {
            SpawnError::Create(errno) => StartError::Create(errno),
            SpawnError::Execute(errno) => StartError::Execute(errno),
        })?;
        Ok(self.children.add(child).into())
    }

    fn status(&mut self, pid: i64) -> Option<Status> {
        self.children.status(pid)
    }

    fn begin_report(&mut self, pid: i64) {
        self.children.begin_report(pid);
    }

    fn read_kept(&mut self, pid: i64, stream: Stream, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.children.read(pid, usize::from(stream == Stream::Error), offset, buffer)
    }

    fn end_report(&mut self, pid: i64, delivered: bool) {
        self.children.end_report(pid, delivered);
    }
}

/// The texts of a program, as pointers: the first place is for the shell, should it be needed; then come the arguments, then
/// the environment, each with its end.
struct Lists<'l, 't> {
    pointers: &'l mut [TextPointer<'t>],
    /// Where the environment begins, if it is not the agent's.
    environment: Option<usize>,
    standard: [&'l Fd; 3],
}

impl Lists<'_, '_> {
    /// Starts the program at `path`, with the arguments from place `first` on.
    fn start(&self, path: &CStr, first: usize) -> Result<i32, SpawnError> {
        let from = |place: usize| self.pointers.get(place..).unwrap_or_default();
        let (arguments, environment) = (from(first), self.environment.map(from));
        let program = Program { path, arguments, environment, standard: self.standard, new_session: false };
        spawn(&program).map(|child| child.id())
    }
}

/// Finds the program and starts it; answers the number of its process. `room` is for the lists of its texts: `E2BIG` if they
/// do not fit.
fn run(execution: &Execution<'_>, standard: [&Fd; 3], room: &mut [u8]) -> Result<i32, SpawnError> {
    const TOO_BIG: SpawnError = SpawnError::Execute(Errno::E2BIG);
    let mut found = [0; PATH_BYTES];
    let variables = execution.environment.unwrap_or_default();
    // A text for each NUL, the shell, two ends, and one more because of the alignment. What is made a list is touched, so it is
    // no longer than that.
    let count = |texts: &[u8]| texts.iter().filter(|&&byte| byte == 0).count();
    let texts = count(execution.arguments).wrapping_add(count(variables));
    let list_bytes = texts.wrapping_add(4).wrapping_mul(size_of::<TextPointer<'_>>());
    let pointers = TextPointer::list_in(room.get_mut(..list_bytes).ok_or(TOO_BIG)?);
    let places = pointers.get_mut(1..).ok_or(TOO_BIG)?;
    let length = fill(places, Execution::texts(execution.arguments)).ok_or(TOO_BIG)?;
    fill(places.get_mut(length..).ok_or(TOO_BIG)?, Execution::texts(variables)).ok_or(TOO_BIG)?;
    let environment = execution.environment.map(|_| length.wrapping_add(1));
    let lists = Lists { pointers, environment, standard };
    let name = Execution::texts(execution.arguments).next().unwrap_or_default();
    let is_searched = !name.is_empty() && !has(name.to_bytes(), b'/');
    let started =
        if is_searched { search(search_path(execution), name, &mut found, &lists) } else { lists.start(name, 1) };
    if started != Err(SpawnError::Execute(Errno::ENOEXEC)) {
        return started;
    }
    let script = if is_searched { CStr::from_bytes_until_nul(&found).unwrap_or_default() } else { name };
    if let [first, second, ..] = &mut *lists.pointers {
        *first = TextPointer::to(SHELL);
        *second = TextPointer::to(script);
    }
    lists.start(SHELL, 0)
}

/// Fills a list, and ends it. Answers its length with its end; `None` if it does not fit.
fn fill<'t>(list: &mut [TextPointer<'t>], texts: impl Iterator<Item = &'t CStr>) -> Option<usize> {
    let mut places = list.iter_mut();
    let mut length = 1_usize;
    for text in texts {
        *places.next()? = TextPointer::to(text);
        length = length.wrapping_add(1);
    }
    *places.next()? = TextPointer::END;
    Some(length)
}

/// The directories in which programs are looked for.
fn search_path<'e>(execution: &Execution<'e>) -> &'e [u8] {
    let mut given = Execution::texts(execution.environment.unwrap_or_default());
    given
        .find_map(|variable| variable.to_bytes().strip_prefix(b"PATH="))
        .or_else(|| start::environment(c"PATH").map(CStr::to_bytes))
        .unwrap_or(DEFAULT_PATH)
}

/// Starts the first program of the name that can be: in each directory, or, where one is empty, in the working directory.
/// `found` is the path tried last.
fn search(directories: &[u8], name: &CStr, found: &mut [u8], lists: &Lists<'_, '_>) -> Result<i32, SpawnError> {
    let mut error = Errno::ENOENT;
    for directory in directories.split(|&byte| byte == b':') {
        // One that is too long names nothing.
        let Some(path) = join(directory, name, found) else { continue };
        match lists.start(path, 1) {
            Err(SpawnError::Execute(
                errno @ (Errno::EACCES
                | Errno::ENOENT
                | Errno::ENOTDIR
                | Errno::ENODEV
                | Errno::ESTALE
                | Errno::ETIMEDOUT),
            )) => {
                // That there is one which is not allowed says more than that there is none behind it.
                if error != Errno::EACCES {
                    error = errno;
                }
            }
            decided => return decided,
        }
    }
    Err(SpawnError::Execute(error))
}

/// The path of a file in a directory, or in the working directory if that is empty. `None` if it does not fit.
fn join<'b>(directory: &[u8], name: &CStr, buffer: &'b mut [u8]) -> Option<&'b CStr> {
    let mut length = put(buffer, 0, directory)?;
    if length > 0 {
        length = put(buffer, length, b"/")?;
    }
    put(buffer, length, name.to_bytes_with_nul())?;
    CStr::from_bytes_until_nul(buffer).ok()
}
