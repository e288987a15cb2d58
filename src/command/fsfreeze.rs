//! Freezing of file systems: `guest-fsfreeze-status`, `-freeze`, `-freeze-list` and `-thaw`.
//!
//! A hook program, if the agent was told of one, is run with the argument `freeze` before the first file system is
//! frozen, and with `thaw` after the last one is thawed, also when nothing was frozen or the freezing failed.

use super::{Done, Reply};
use crate::error;
use crate::error::Error;
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
fn told(FreezeError { reason, quoted }: FreezeError, buffer: &[u8]) -> Error<'_> {
    let quoted = buffer.get(..quoted).unwrap_or_default();
    match reason {
        FreezeReason::List(errno) => error!["failed to open mtab file: '/proc/self/mounts': ", errno],
        FreezeReason::TooMany(limit) => {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            error!["more than ", limit, " file systems are mounted; nothing is frozen"]
        }
        FreezeReason::Open(errno) => error!["failed to open ", quoted, ": ", errno],
        FreezeReason::Freeze(errno) => error!["failed to freeze ", quoted, ": ", errno],
        FreezeReason::Hook(why) => helper_told(why, "execute fsfreeze hook", quoted),
        FreezeReason::Ended(after_s) => error!["file systems were thawed by the agent after ", after_s, " s"],
    }
}

/// What the client is told of a helper program, in qemu-ga's words, where it has any.
fn helper_told<'b>(why: HelperError, action: &'static str, output: &'b [u8]) -> Error<'b> {
    match why {
        HelperError::Create(errno) => error!["failed to create child process: ", errno],
        HelperError::Execute(path, errno) => {
            error!["child process has failed to ", action, ": failed to exec '", path, "': ", errno, "\n"]
        }
        HelperError::Failed(status) if output.is_empty() => {
            error!["child process has failed to ", action, ": exit status ", i64::from(status)]
        }
        HelperError::Failed(_) => error!["child process has failed to ", action, ": ", output],
        HelperError::Killed if output.is_empty() => error!["child process has terminated abnormally"],
        HelperError::Killed => error!["child process has terminated abnormally: ", output],
        HelperError::TimedOut(seconds) => {
            error!["child process has failed to ", action, ": it did not end in ", u64::from(seconds), " s"]
        }
        HelperError::Wait(errno) => error!["failed to wait for child: ", errno],
    }
}
