//! Passwords of users, in /etc/shadow.
//!
//! A raw password is hashed with SHA-512. The hash goes into the user's line of /etc/shadow, which is added if it is missing,
//! with the day; where /etc/passwd has something else than `x` in place of the password, it gets that, because else the line
//! in /etc/shadow would not count.

use super::account_failure::{Action, Attempt, Place};
use super::account_files::{self, PASSWD, SHADOW};
use super::account_locks::Locks;
use super::{Linux, accounts, sha512_crypt};
use crate::errno::Errno;
use crate::guest::{Password, PasswordError, Passwords};
use crate::json::write::decimal;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{random, system};

/// What stands in /etc/passwd where the password is in /etc/shadow.
const IN_SHADOW: &[u8] = b"x";
const DAY_NS: i64 = 86_400 * 1_000_000_000;

impl Passwords for Linux {
    fn set_password(&mut self, user: &[u8], password: Password<'_>, buffer: &mut [u8]) -> Result<(), PasswordError> {
        let day = u64::try_from(system::real_time_ns().unwrap_or(0) / DAY_NS).unwrap_or(0);
        let mut attempt = Attempt(Action::Open, Place::Etc);
        let set = Fd::open(c"/etc", OpenFlags::READ.with(OpenFlags::DIRECTORY))
            .and_then(|etc| set_password(&etc, user, password, day, buffer, &mut attempt));
        match set {
            Ok(true) => Ok(()),
            Ok(false) => Err(PasswordError::UnknownUser),
            Err(errno) => Err(attempt.failed(errno)),
        }
    }
}

/// Sets a password on a day since 1970, in the files of `etc`. False if there is no such user.
fn set_password(
    etc: &Fd,
    user: &[u8],
    password: Password<'_>,
    day: u64,
    buffer: &mut [u8],
    attempt: &mut Attempt,
) -> Result<bool, Errno> {
    *attempt = Attempt(Action::Open, Place::Passwd);
    let Some(account) = accounts::find(etc, user, buffer)? else { return Ok(false) };
    let in_shadow = account.password == IN_SHADOW;
    // Before anything is locked or made: without the file there is nothing to be done.
    account_files::check(etc, &SHADOW, attempt)?;
    let mut text = [0; sha512_crypt::TEXT_BYTES];
    let hash = match password {
        Password::Crypted(hash) => hash,
        Password::Raw(password) => {
            *attempt = Attempt(Action::Read, Place::Random);
            let mut salt = [0; sha512_crypt::SALT_BYTES];
            random::fill(&mut salt)?;
            sha512_crypt::hash(password, &salt, &mut text)
        }
    };
    let mut digits = [0; 20];
    // Day 0 would ask for another password at once; none means that it does not age.
    let day = if day == 0 { b"" } else { decimal(day, &mut digits) };

    let mut locks = Locks::new(etc);
    locks.take_all(attempt)?;
    // The order in which shadow-utils takes them.
    if !in_shadow {
        locks.take(&PASSWD, attempt)?;
    }
    locks.take(&SHADOW, attempt)?;
    // First the hash, then what makes it count, so that a password counts all the time: the old one, or the new one.
    let mut is_there = account_files::replace(etc, &SHADOW, user, &[hash, day], buffer, attempt)?;
    if !in_shadow {
        is_there &= account_files::replace(etc, &PASSWD, user, &[IN_SHADOW], buffer, attempt)?;
    }
    Ok(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::accounts_scene::Etc;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nopen::1:1::/:\nstar:*:2:2::/:\nhash:$1$x$y:3:3::/:";
    const SHADOW: &str = "root:!:1:0:99999:7:::\nopen:old:2::::::\n";

    fn set(etc: &Etc, user: &str, password: Password<'_>, day: u64) -> Result<bool, (Attempt, Errno)> {
        let mut attempt = Attempt(Action::Open, Place::Etc);
        set_password(&etc.directory, user.as_bytes(), password, day, &mut [0; 1024], &mut attempt)
            .map_err(|errno| (attempt, errno))
    }

    #[test]
    fn a_crypted_password_is_kept_as_it_is() {
        let etc = Etc::new(&[("passwd", PASSWD), ("shadow", SHADOW)]);
        assert_eq!(set(&etc, "root", Password::Crypted(b"$6$a$b"), 20000), Ok(true));
        assert_eq!(etc.read("shadow"), SHADOW.replace("root:!:1", "root:$6$a$b:20000"));
        assert_eq!(set(&etc, "root", Password::Crypted(b""), 0), Ok(true));
        assert_eq!(etc.read("shadow"), SHADOW.replace("root:!:1", "root::"));
        assert_eq!(etc.read("passwd"), PASSWD);
        assert_eq!(etc.names(), [".pwd.lock", "passwd", "shadow"]);
    }

    #[test]
    fn a_raw_password_is_hashed_with_another_salt_each_time() {
        let etc = Etc::new(&[("passwd", PASSWD), ("shadow", SHADOW)]);
        let mut hashes = Vec::new();
        for _ in 0..2 {
            assert_eq!(set(&etc, "root", Password::Raw(b"secret"), 7), Ok(true));
            let text = etc.read("shadow");
            let hash = text.strip_prefix("root:").unwrap().split(':').next().unwrap().to_owned();
            assert_eq!(hash.len(), sha512_crypt::TEXT_BYTES);
            assert_eq!(text, SHADOW.replace("root:!:1", &format!("root:{hash}:7")));
            hashes.push(hash);
        }
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn one_that_is_in_passwd_moves_to_shadow() {
        for (user, line) in [("open", "open::1"), ("star", "star:*:2"), ("hash", "hash:$1$x$y:3")] {
            let etc = Etc::new(&[("passwd", PASSWD), ("shadow", SHADOW)]);
            assert_eq!(set(&etc, user, Password::Crypted(b"h"), 9), Ok(true));
            let (_, number) = line.rsplit_once(':').unwrap();
            assert_eq!(etc.read("passwd"), PASSWD.replace(line, &format!("{user}:x:{number}")));
            let expected = match user {
                "open" => SHADOW.replace("open:old:2", "open:h:9"),
                _ => format!("{SHADOW}{user}:h:9::::::\n"),
            };
            assert_eq!(etc.read("shadow"), expected);
            assert_eq!(etc.names(), [".pwd.lock", "passwd", "shadow"]);
        }
    }

    #[test]
    fn what_can_not_be_done_leaves_everything_as_it_was() {
        let failed = |path, errno| Err((Attempt(Action::Open, path), errno));
        for (files, user, expected) in [
            (&[("passwd", PASSWD), ("shadow", SHADOW)][..], "nobody", Ok(false)),
            (&[("passwd", PASSWD), ("shadow", SHADOW)], "", Ok(false)),
            (&[("passwd", PASSWD)], "hash", failed(Place::Shadow, Errno::ENOENT)),
            (&[("shadow", SHADOW)], "root", failed(Place::Passwd, Errno::ENOENT)),
        ] {
            let etc = Etc::new(files);
            assert_eq!(set(&etc, user, Password::Raw(b"x"), 1), expected);
            assert_eq!(etc.names(), files.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            for (name, text) in files {
                assert_eq!(etc.read(name), *text);
            }
        }
    }
}
