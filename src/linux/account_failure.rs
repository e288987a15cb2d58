//! What can fail with the files of accounts: small, because nearly every line there can.

use crate::errno::Errno;
use crate::guest::PasswordError;

/// What is tried, and with what. It is noted before each step, so that one that fails has nothing to tell but why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(pub Action, pub Place);

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // as their texts say
pub enum Action {
    Open,
    Read,
    Write,
    Lock,
    KeepOwner,
    KeepAttributes,
    KeepPermissions,
    Replace,
    /// After the change, which stands.
    Sync,
}

/// With what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // as their texts say
pub enum Place {
    Etc,
    AllLock,
    Passwd,
    NewPasswd,
    PasswdLock,
    Shadow,
    NewShadow,
    ShadowLock,
    Random,
}

impl Attempt {
    /// That it failed.
    pub fn failed(self, errno: Errno) -> PasswordError {
        let Attempt(action, place) = self;
        let action = match action {
            Action::Open => "cannot open",
            Action::Read => "cannot read",
            Action::Write => "cannot write",
            Action::Lock => "cannot lock",
            Action::KeepOwner => "cannot keep the owner of",
            Action::KeepAttributes => "cannot keep the attributes of",
            Action::KeepPermissions => "cannot keep the permissions of",
            Action::Replace => "cannot replace",
            Action::Sync => "the password is set, but may be lost in a crash: cannot sync",
        };
        let place = match place {
            Place::Etc => "/etc",
            Place::AllLock => "/etc/.pwd.lock",
            Place::Passwd => "/etc/passwd",
            Place::NewPasswd => "/etc/passwd+",
            Place::PasswdLock => "/etc/passwd.lock",
            Place::Shadow => "/etc/shadow",
            Place::NewShadow => "/etc/shadow+",
            Place::ShadowLock => "/etc/shadow.lock",
            Place::Random => "/dev/urandom",
        };
        PasswordError::System(action, place, errno)
    }
}
