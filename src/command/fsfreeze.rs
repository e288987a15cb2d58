//! Freezing of file systems: `guest-fsfreeze-status`, `-freeze`, `-freeze-list` and `-thaw`.
//!
//! A hook program, if the agent was told of one, is run with the argument `freeze` before the first file system is
//! frozen, and with `thaw` after the last one is thawed, also when nothing was frozen or the freezing failed.

use super::{Done, Reply};
use crate::errno::Errno;
use crate::error;
use crate::error::{Error, Part};
use crate::guest::{FreezeError, FreezeReason, HelperError};

pub mod freeze;
pub mod freeze_list;
pub mod status;
pub mod thaw;

/// The reply to what freezes or thaws; `buffer` is the one that the platform worked in.
fn answer<'b>(result: Result<i64, FreezeError>, buffer: &'b [u8], reply: Reply<'_, '_>) -> Result<Done, Error<'b>> {
    match result {
        Ok(count) => Ok(reply.integer(count)),
        Err(error) => Err(told(error, buffer)),
    }
}

/// What the client is told of an error; `buffer` is the one that the platform worked in.
#[inline(never)] // smaller so
fn told(FreezeError { reason, quoted }: FreezeError, buffer: &[u8]) -> Error<'_> {
    let quoted = buffer.get(..quoted).unwrap_or_default();
    match reason {
        FreezeReason::List(errno) => failed("open mtab file: '/proc/self/mounts'", b"", errno),
        FreezeReason::TooMany(limit) => {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            error!["more than ", limit, " file systems are mounted; nothing is frozen"]
        }
        FreezeReason::Open(errno) => failed("open ", quoted, errno),
        FreezeReason::Freeze(errno) => failed("freeze ", quoted, errno),
        FreezeReason::Hook(why) => helper_told(why, quoted),
        FreezeReason::Ended(after_s) => error!["file systems were thawed by the agent after ", after_s, " s"],
    }
}

fn failed<'b>(what: &'static str, quoted: &'b [u8], errno: Errno) -> Error<'b> {
    error!["failed to ", what, quoted, ": ", errno]
}

/// What the client is told of the hook, in qemu-ga's words, where it has any.
fn helper_told(why: HelperError, output: &[u8]) -> Error<'_> {
    const FAILED: &str = "failed to execute fsfreeze hook: ";
    let (what, part, behind) = match why {
        HelperError::Create(errno) => return failed("create child process", b"", errno),
        HelperError::Wait(errno) => return failed("wait for child", b"", errno),
        HelperError::Execute(path, errno) => {
            return error!["child process has ", FAILED, "failed to exec '", path, "': ", errno, "\n"];
        }
        HelperError::Failed(status) if output.is_empty() => {
            (FAILED, Part::Words("exit status "), Part::from(i64::from(status)))
        }
        HelperError::Failed(_) => (FAILED, Part::Bytes(output), Part::Nothing),
        HelperError::Killed if output.is_empty() => ("terminated abnormally", Part::Nothing, Part::Nothing),
        HelperError::Killed => ("terminated abnormally: ", Part::Bytes(output), Part::Nothing),
        HelperError::TimedOut(seconds) => {
            return error!["child process has ", FAILED, "it did not end in ", u64::from(seconds), " s"];
        }
    };
    error!["child process has ", what, part, behind]
}
