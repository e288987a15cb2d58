//! Keys that are read and changed in directories made for it.

use super::*;
use crate::linux::accounts_scene::Etc;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

/// Drops lines that are `without`, and appends `with`.
struct Change {
    without: &'static str,
    with: &'static str,
}

impl KeyEdit for Change {
    fn keeps(&mut self, line: &[u8]) -> bool {
        line != self.without.as_bytes()
    }

    fn add(&mut self, put: &mut dyn FnMut(&[u8])) {
        put(self.with.as_bytes());
    }
}

/// A user whose directory is `home` in the scene.
fn scene(text: Option<&str>) -> Etc {
    let etc = Etc::new(&[]);
    let home = etc.path.join("home");
    std::fs::create_dir(&home).unwrap();
    let owner = std::fs::metadata(&home).unwrap();
    etc.write("passwd", &format!("user:x:{}:{}::{}:/bin/sh\n", owner.uid(), owner.gid(), home.display()));
    if let Some(text) = text {
        std::fs::create_dir(home.join(".ssh")).unwrap();
        etc.write("home/.ssh/authorized_keys", text);
    }
    etc
}

fn keys(etc: &Etc) -> Result<Vec<String>, String> {
    let mut buffer = [0; SCRATCH_BYTES];
    let mut place = ListPlace::default();
    let mut found = Vec::new();
    while let Some(key) =
        next_key(&etc.directory, b"user", &mut place, &mut buffer).map_err(|error| format!("{error:?}"))?
    {
        found.push(String::from_utf8(key.to_vec()).unwrap());
    }
    Ok(found)
}

fn reason(etc: &Etc, change: KeyChange) -> Result<(), (&'static str, &'static str, KeysReason)> {
    let edit = &mut Change { without: "gone", with: "new\n" };
    change_keys(&etc.directory, b"user", change, edit, &mut [0; SCRATCH_BYTES]).map_err(|error| match error {
        KeysError::File(action, _, path, reason) => (action, path, reason),
        KeysError::Lookup(errno) => ("look up", "", errno.into()),
    })
}

#[test]
fn keys_come_from_the_last_to_the_first() {
    let long = "k".repeat(KEY_BYTES);
    let many: String = (0..3000).map(|number| format!("ssh-ed25519 AAAA number-{number}\n")).collect();
    let most = format!("{long}\n{long}\n\n  b \r\n{many}");
    for text in ["", "\n", "a", "a\n", "\na\n\n#b\n c\td \r\n #e\n\x0c\n", &long, &most, &"\n".repeat(70_000), &many] {
        let mut expected: Vec<_> =
            text.split('\n').map(str::trim).filter(|key| !key.is_empty() && !key.starts_with('#')).collect();
        expected.reverse();
        assert_eq!(keys(&scene(Some(text))).unwrap(), expected);
    }
}

#[test]
fn without_a_file_there_are_no_keys() {
    for remove in ["home/.ssh/authorized_keys", "home/.ssh", "home"] {
        let etc = scene(Some("a\n"));
        let path = etc.path.join(remove);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        assert_eq!(keys(&etc), Ok(vec![]));
        assert_eq!(reason(&etc, KeyChange::Remove), Ok(()));
    }
}

#[test]
fn a_line_that_is_too_long_is_an_error_and_stays() {
    for text in ["x".repeat(KEY_BYTES + 1), format!("a\n{}\nb\n", "x".repeat(5 * KEY_BYTES))] {
        let etc = scene(Some(&text));
        assert!(keys(&etc).unwrap_err().contains("LongLine"));
        for change in [KeyChange::Add, KeyChange::Remove] {
            assert_eq!(reason(&etc, change), Err(("failed to read", FILE_PATH, KeysReason::LongLine)));
            assert_eq!(etc.read("home/.ssh/authorized_keys"), text);
        }
        assert_eq!(reason(&etc, KeyChange::Reset), Ok(()));
        assert_eq!(etc.read("home/.ssh/authorized_keys"), "new\n");
        assert_eq!(std::fs::read_dir(etc.path.join("home/.ssh")).unwrap().count(), 1);
    }
}

#[test]
fn what_is_not_removed_stays_and_ends_with_a_line_feed() {
    for (text, change, expected) in [
        (None, KeyChange::Add, "new\n"),
        (None, KeyChange::Reset, "new\n"),
        (Some(""), KeyChange::Add, "new\n"),
        (Some("a\n\n # b"), KeyChange::Add, "a\n\n # b\nnew\n"),
        (Some("gone\na \ngone\n\ngone"), KeyChange::Remove, "a \n\nnew\n"),
        (Some("a\n"), KeyChange::Reset, "new\n"),
    ] {
        let etc = scene(text);
        assert_eq!(reason(&etc, change), Ok(()));
        assert_eq!(etc.read("home/.ssh/authorized_keys"), expected);
        let ssh = etc.path.join("home/.ssh");
        assert_eq!(std::fs::read_dir(&ssh).unwrap().count(), 1);
        let mode = |path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(ssh.join("authorized_keys")), 0o600);
        if text.is_none() {
            assert_eq!(mode(ssh), 0o700);
        }
    }
}

#[test]
fn links_are_not_followed() {
    const SECRET: &str = "secret\n";
    for (link, target) in [(".ssh", "../other"), (".ssh/authorized_keys", "../../other/authorized_keys")] {
        let etc = scene(if link == ".ssh" { None } else { Some("") });
        std::fs::create_dir(etc.path.join("other")).unwrap();
        etc.write("other/authorized_keys", SECRET);
        let path = etc.path.join("home").join(link);
        let _ = std::fs::remove_file(&path);
        symlink(target, &path).unwrap();
        assert!(keys(&etc).is_err());
        for change in [KeyChange::Add, KeyChange::Reset, KeyChange::Remove] {
            assert!(reason(&etc, change).is_err());
        }
        assert_eq!(etc.read("other/authorized_keys"), SECRET);
        assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
    }
}

#[test]
fn what_is_no_plain_file_is_an_error() {
    let etc = scene(Some(""));
    std::fs::remove_file(etc.path.join("home/.ssh/authorized_keys")).unwrap();
    std::fs::create_dir(etc.path.join("home/.ssh/authorized_keys")).unwrap();
    assert!(keys(&etc).is_err());
    let failure = Err(("failed to read", FILE_PATH, Errno::EINVAL.into()));
    assert_eq!(reason(&etc, KeyChange::Add), failure);
    // Nor is a new file left over that is none.
    let etc = scene(Some("a\n"));
    std::fs::create_dir(etc.path.join("home/.ssh/authorized_keys+")).unwrap();
    let failure = Err(("failed to write to", FILE_PATH, KeysReason::System(Errno::new(libc::EEXIST))));
    assert_eq!(reason(&etc, KeyChange::Add), failure);
    assert_eq!(etc.read("home/.ssh/authorized_keys"), "a\n");
}

#[test]
fn a_file_that_is_replaced_in_the_middle_ends_the_list() {
    let etc = scene(Some("a\nb\n"));
    let mut place = ListPlace::default();
    let mut buffer = [0; SCRATCH_BYTES];
    assert_eq!(next_key(&etc.directory, b"user", &mut place, &mut buffer), Ok(Some(&b"b"[..])));
    std::fs::set_permissions(etc.path.join("home"), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(reason(&etc, KeyChange::Add), Ok(()));
    assert!(next_key(&etc.directory, b"user", &mut place, &mut buffer).is_err());
}

#[test]
fn an_unknown_user_is_told() {
    let etc = scene(None);
    let expected = Err(KeysError::Lookup(Errno::ENOENT));
    assert_eq!(next_key(&etc.directory, b"nobody", &mut ListPlace::default(), &mut [0; SCRATCH_BYTES]), expected);
}
