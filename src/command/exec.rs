//! `guest-exec`: starts a program.
//!
//! Schema 10.0, since 2.5; names for `capture-output` since 8.0.
//! Arguments: `path`, the program, looked for along PATH if it has no slash: the PATH of `env`, else the agent's, else
//! `/bin:/usr/bin:.`; `arg`, its arguments but for its own name; `env`, its environment, `NAME=VALUE` each, instead of the
//! agent's; `input-data`, what it reads, in base64, up to 16 MiB of data; `capture-output`, what is kept of what it writes:
//! `none` or false, the default, `stdout`, `stderr`, `separated` or true, `merged`.
//! Returns: `pid`, the number of its process, for guest-exec-status.
//! Errors: data that is no base64, or too long; `Failed to execute child process` with the reason, such as that there is no
//! such program; too many programs that run, with their number.
//! Differs from qemu-ga in limits (differences.md: exec-children, exec-records, exec-arguments-length), in that
//! `input-data` is a file and not a pipe (differences.md: exec-input-file), and in refusing U+0000 (differences.md: exec-nul).
//! Needs [`Exec`]; does not run while frozen. `input-data` goes through the platform's spool, however short it is; the other
//! texts are put into the scratch room, with a NUL behind each.

use super::{Context, Done, Handler, Reply};
use crate::args::{List, NoCString, Path, Refused, Text, Value, choice, wrong_type};
use crate::errno::Errno;
use crate::error::Error;
use crate::guest::{Capture, Exec, Execution, Guest, StartError};
use crate::long::{Long, LongArgument, LongFailure, Place, no_file};
use crate::{arguments, error};

/// The error of qemu-ga for a program that does not run; of more than one reason the others are ours.
macro_rules! failed {
    ($path:ident, $($reason:expr),+) => {
        error!["Failed to execute child process \u{201C}", $path, "\u{201D} (", $($reason),+, ")"]
    };
}

impl<'a> Value<'a> for Capture {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        let place = match json.first() {
            Some(b'"') => choice(json, path, b"none stdout stderr separated merged", refused),
            Some(b't') => Some(3),
            Some(b'f') => Some(0),
            _ => return wrong_type(path, "GuestExecCaptureOutput", refused),
        };
        *self = match place {
            Some(0) => Capture::Nothing,
            Some(1) => Capture::Output,
            Some(2) => Capture::Error,
            Some(3) => Capture::Separated,
            Some(_) => Capture::Merged,
            None => return false,
        };
        true
    }
}

arguments! {
    /// `guest-exec`.
    pub struct ExecArguments<'a> {
        /// The program.
        "path" => path: Text<'a>,
        /// Its arguments.
        "arg" => arguments: Option<List<'a, Text<'a>>>,
        /// Its environment.
        "env" => environment: Option<List<'a, Text<'a>>>,
        /// What it reads; of data that came before the request was complete, what was left.
        "input-data" => input: Option<Text<'a>>,
        /// What is kept.
        "capture-output" => capture: Option<Capture>,
    }
}

/// `guest-exec`.
#[derive(Debug)]
pub struct GuestExec;

impl<G: Exec + 'static> Handler<G> for GuestExec {
    const NAME: &'static str = "guest-exec";
    const LONG: Option<&'static LongArgument<G>> = Some(&LongArgument { member: "input-data", direct: None });
    type Arguments<'a> = ExecArguments<'a>;

    fn run<'a>(
        ExecArguments { path, arguments, environment, input, capture }: ExecArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let Context { guest, scratch, long, .. } = context;
        if let Some(input) = input {
            spool(input, long.get(), scratch, guest)?;
        }
        let room_bytes = u64::try_from(scratch.len()).unwrap_or(u64::MAX);
        let mut texts = Texts { room: scratch, length: 0 };
        let put = texts.put(path).and_then(|()| texts.put_all(arguments));
        let arguments_length = texts.length;
        match put.and_then(|()| texts.put_all(environment)) {
            Ok(()) => {}
            Err(NoCString::Nul) => {
                return Err(failed![path, Errno::EINVAL, ": U+0000 in path, arg or env"]);
            }
            Err(NoCString::TooLong) => return Err(told(StartError::Execute(Errno::E2BIG), path, room_bytes)),
        }
        let Texts { room, length } = texts;
        let (texts, room) = room.split_at_mut_checked(length).unwrap_or_default();
        let (arguments, variables) = texts.split_at_checked(arguments_length).unwrap_or_default();
        let execution = Execution {
            arguments,
            environment: environment.map(|_| variables),
            reads_spool: input.is_some(),
            capture: capture.unwrap_or_default(),
        };
        match guest.start(&execution, room) {
            Ok(pid) => Ok(reply.object(|object| object.member("pid").integer(pid))),
            Err(error) => Err(told(error, path, room_bytes)),
        }
    }
}

/// The error of a program that does not run. There was `room_bytes` for its texts.
fn told(error: StartError, path: Text<'_>, room_bytes: u64) -> Error<'_> {
    match error {
        StartError::Create(errno) => error!["Failed to fork (", errno, ")"],
        StartError::Streams(errno) => error!["failed to open the program's streams (pipe, memfd, /dev/null): ", errno],
        StartError::Execute(Errno::E2BIG) => {
            failed![path, Errno::E2BIG, ": beside this request there is room for ", room_bytes, " bytes"]
        }
        StartError::Execute(errno) => failed![path, errno],
        StartError::TooMany(limit) => failed![path, Errno::EAGAIN, ": at most ", limit, " run at a time"],
        StartError::TooMuchInput(limit) => {
            failed![path, Errno::ENOMEM, ": input-data of all that run comes to at most ", limit, " bytes"]
        }
    }
}

/// Brings `input` into the spool: all of it, or what came last of what is `long`.
fn spool<'a, G: Guest>(
    input: Text<'a>,
    long: Option<Long>,
    scratch: &mut [u8],
    guest: &mut G,
) -> Result<(), Error<'a>> {
    let mut long = match long {
        Some(long) => long,
        None => {
            guest.spool().map_or(Err(Errno::ENOSYS), |spool| spool.clear()).map_err(not_kept)?;
            Long::new("input-data", Place::Spool)
        }
    };
    long.finish(input, scratch, guest, no_file);
    match long.failure {
        None | Some(LongFailure::File(_)) => Ok(()),
        Some(LongFailure::NotBase64) => Err(error!["Base64 data contains invalid characters"]),
        Some(LongFailure::Spool(Errno::EFBIG)) => {
            let limit = guest.spool().map_or(0, |spool| spool.capacity());
            Err(error!["input-data is longer than ", limit, " bytes, which is all that is kept"])
        }
        Some(LongFailure::Spool(errno)) => Err(not_kept(errno)),
    }
}

fn not_kept<'a>(errno: Errno) -> Error<'a> {
    error!["failed to keep input-data in a memfd: ", errno]
}

/// Texts one behind the other, with a NUL behind each.
struct Texts<'r> {
    room: &'r mut [u8],
    length: usize,
}

impl Texts<'_> {
    fn put(&mut self, text: Text<'_>) -> Result<(), NoCString> {
        let text = text.c_string(self.room.get_mut(self.length..).unwrap_or_default())?;
        self.length = self.length.wrapping_add(text.count_bytes()).wrapping_add(1);
        Ok(())
    }

    fn put_all<'a>(&mut self, list: Option<List<'a, Text<'a>>>) -> Result<(), NoCString> {
        if let Some(list) = list {
            for text in list.elements() {
                self.put(text)?;
            }
        }
        Ok(())
    }
}
