//! The accounts of the guest: /etc/passwd, read without the C library, whose readers take memory.
//!
//! The format is that of passwd(5). Lines that are none are passed over, as are those that refer to a network (`+`, `-`).

use core::ffi::CStr;

use super::lines::{decimal, each_line};
use crate::bytes::{has, put};
use crate::errno::Errno;
use crate::sys::fd::{Fd, OpenFlags};

/// The file, in its directory.
const FILE: &CStr = c"passwd";

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account<'b> {
    /// What stands for the password: `x` if it is in /etc/shadow.
    pub password: &'b [u8],
    /// The number of the user.
    pub user: u32,
    /// The number of the user's group.
    pub group: u32,
    /// The user's directory.
    pub home: &'b [u8],
}

/// The account called `name`, or `None`. `directory` is /etc; `buffer` is where lines are read and the account is kept.
///
/// # Errors
/// The file can not be read. `ENAMETOOLONG`: the account was not found, but there are lines that do not fit into half of the
/// buffer.
pub fn find<'b>(directory: &Fd, name: &[u8], buffer: &'b mut [u8]) -> Result<Option<Account<'b>>, Errno> {
    if !is_entry(name) {
        return Ok(None);
    }
    let file = directory.open_at(FILE, OpenFlags::READ.with(OpenFlags::NON_BLOCKING))?;
    let (kept, reading) = buffer.split_at_mut_checked(buffer.len() / 2).unwrap_or_default();
    let mut length = 0;
    let read = each_line(&file, reading, |line| {
        let found = fields(line, name).is_some();
        if found {
            length = put(kept, 0, line).unwrap_or(0);
        }
        !found
    });
    let account = fields(kept.get(..length).unwrap_or_default(), name);
    // What else is in the file does not matter to one that was found.
    if account.is_none() {
        read?;
    }
    Ok(account)
}

/// Whether an account can have the name at all, by the format of the file: the first byte tells comments and references to
/// a network.
fn is_entry(name: &[u8]) -> bool {
    !matches!(name.first(), None | Some(b'+' | b'-' | b'#')) && !has(name, b':')
}

/// The account that a line tells of, if it is called `name`.
fn fields<'l>(line: &'l [u8], name: &[u8]) -> Option<Account<'l>> {
    let mut fields = line.split(|&byte| byte == b':');
    if fields.next()? != name {
        return None;
    }
    let password = fields.next()?;
    let mut number = || {
        let (number, rest) = decimal(fields.next()?)?;
        if rest.is_empty() { u32::try_from(number).ok() } else { None }
    };
    let (user, group) = (number()?, number()?);
    let _real_name = fields.next()?;
    Some(Account { password, user, group, home: fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::accounts_scene::Etc;

    const TEXT: &str = concat!(
        "root:x:0:0:root:/root:/bin/sh\n#comment:x:1:1::/:\n+net:x:2:2::/:\n-net:x:2:2::/:\n\nbroken:x\nbroken:x:y:0::/:\n",
        "half:x:7:8::/home/half\nrooter:*:4294967295:5:A, B:/home/rooter:\nroot:y:9:9::/:\nlast::10:11::/last:/bin/sh"
    );

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        // A line that does not fit keeps nobody from being found, but then it is not known who is missing.
        let long = format!("long:{}:3:3::/:\n{TEXT}", "x".repeat(5000));
        for (text, missing) in [(TEXT, Ok(None)), (long.as_str(), Err(Errno::ENAMETOOLONG))] {
            let etc = Etc::new(&[("passwd", text)]);
            for (name, password, user, group, home) in [
                ("root", "x", 0, 0, "/root"),
                ("rooter", "*", u32::MAX, 5, "/home/rooter"),
                ("half", "x", 7, 8, "/home/half"),
                ("last", "", 10, 11, "/last"),
            ] {
                let account = Account { password: password.as_bytes(), user, group, home: home.as_bytes() };
                assert_eq!(find(&etc.directory, name.as_bytes(), &mut [0; 8192]), Ok(Some(account)));
            }
            for name in ["roo", "net", "broken", "long", "nobody", "\n"] {
                assert_eq!(find(&etc.directory, name.as_bytes(), &mut [0; 8192]), missing, "{name}");
            }
            for name in ["", "root:x", "#comment", "+net", "-net"] {
                assert_eq!(find(&etc.directory, name.as_bytes(), &mut [0; 8192]), Ok(None), "{name}");
            }
        }
    }

    #[test]
    fn without_the_file_it_is_an_error() {
        let etc = Etc::new(&[]);
        assert_eq!(find(&etc.directory, b"root", &mut [0; 512]), Err(Errno::ENOENT));
    }
}
