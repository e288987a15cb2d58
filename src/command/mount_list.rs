//! What clients are told where the file systems can not be listed.

use crate::error;
use crate::error::Error;
use crate::guest::MountListError;

/// The error for it.
pub fn told<'a>(error: MountListError) -> Error<'a> {
    match error {
        // What qemu-ga tries last; where there is none, nothing else was there before.
        MountListError::System(errno) => error!["failed to open mtab file: '/proc/self/mounts': ", errno],
        MountListError::TooMany(limit) => {
            error!["more than ", u64::try_from(limit).unwrap_or(u64::MAX), " block devices are mounted"]
        }
    }
}
