//! The options as a whole: command lines and configuration files, and what comes of them.

use std::ffi::CString;
use std::io::Write;

use super::*;
use crate::json::write::Writer;

/// Reads a command line, with an empty configuration file if it names none.
fn read_words(words: &[&'static CStr], kept_bytes: usize, line_bytes: usize) -> Result<(Action, Options), Refused> {
    let all: Vec<&'static CStr> = [c"-c", empty()].into_iter().chain(words.iter().copied()).collect();
    let mut kept = Kept::new(vec![0; kept_bytes].leak());
    let mut options = Options::DEFAULT;
    let action = read(&|index| all.get(index).copied(), &mut vec![0; line_bytes], &mut kept, &mut options)?;
    Ok((action, options))
}

/// A configuration file that stays for the life of the test.
fn file(text: &[u8]) -> &'static CStr {
    let memory = crate::sys::memory::file().unwrap();
    let path = CString::new(format!("/proc/self/fd/{}", memory.raw())).unwrap();
    let path: &'static CStr = Box::leak(path.into_boxed_c_str());
    std::fs::OpenOptions::new().write(true).open(path.to_str().unwrap()).unwrap().write_all(text).unwrap();
    core::mem::forget(memory);
    path
}

fn empty() -> &'static CStr {
    static EMPTY: std::sync::OnceLock<&'static CStr> = std::sync::OnceLock::new();
    EMPTY.get_or_init(|| file(b""))
}

fn run(words: &[&'static CStr]) -> Options {
    match read_words(words, 65536, 4096) {
        Ok((Action::Run, options)) => options,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn configured(text: &[u8]) -> Options {
    run(&[c"-c", file(text)])
}

fn text_of(error: &Error<'_>) -> String {
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer, 0);
    error.pieces(&mut |piece| writer.raw(piece));
    let length = writer.len();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn refusal(words: &[&'static CStr]) -> (String, bool) {
    match read_words(words, 65536, 4096) {
        Err(Refused { error, of_syntax }) => (text_of(&error), of_syntax),
        Ok(action) => panic!("{words:?}: {action:?}"),
    }
}

#[test]
fn every_option_has_a_letter_of_its_own_and_is_told_of_on_one_screen() {
    let all: Vec<Known> = declared().collect();
    for (index, known) in all.iter().enumerate() {
        assert!(!known.name.is_empty());
        assert!(all.iter().skip(index + 1).all(|other| other.letter != known.letter && other.name != known.name));
    }
    let help = &OPTIONS[..HELP_BYTES];
    let lines: Vec<&str> = help.lines().collect();
    // With the usage line.
    assert!(lines.len() < 24, "{} lines", lines.len());
    for line in &lines {
        assert!(line.len() <= 80, "{line}");
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("  ")).count() + 3, all.len());
    assert!(!help.contains("blacklist"));
}

#[test]
fn options_in_every_spelling() {
    let options = Options { method: c"unix-listen", path: Some(c"/x"), verbose: true, ..Options::DEFAULT };
    for words in [
        &[c"-m", c"unix-listen", c"-p", c"/x", c"-v"][..],
        &[c"-munix-listen", c"-vp/x"],
        &[c"-vm", c"unix-listen", c"-vp", c"/x"],
        &[c"--method=unix-listen", c"--path=/x", c"--verbose"],
        &[c"--method", c"unix-listen", c"--path", c"/x", c"--verb"],
        &[c"stray", c"--me", c"unix-listen", c"-", c"--pa", c"/x", c"-v", c"--", c"-V"],
        &[c"-p", c"/y", c"-m", c"isa-serial", c"-p", c"/x", c"-m", c"unix-listen", c"-v"],
    ] {
        assert_eq!(run(words), options, "{words:?}");
    }
    assert_eq!(run(&[]), Options::DEFAULT);
    assert_eq!(run(&[c"-d", c"-r"]), Options { daemonize: true, retry_path: true, ..Options::DEFAULT });
    assert_eq!(run(&[c"-dr"]), run(&[c"--daemonize", c"--retry-path"]));
    assert_eq!(
        run(&[c"-l", c"/l", c"-f", c"-v", c"-t", c""]),
        Options { log_file: Some(c"/l"), pid_file: Some(c"-v"), state_directory: Some(c""), ..Options::DEFAULT }
    );
    assert_eq!(run(&[c"-s", c"what", c"-sx", c"--service=y"]), Options::DEFAULT);
    assert_eq!(run(&[c"--vsock-peer=any"]).vsock_peer, None);
    assert_eq!(run(&[c"--vsock-peer", c"4294967295"]).vsock_peer, Some(u32::MAX));
    assert_eq!(run(&[c"--shutdown-timeout", c"0"]).shutdown_timeout_s, 0);
}

#[test]
fn the_hook_is_attached_or_the_usual_one() {
    for (words, hook) in [
        (&[c"-F"][..], Some(FREEZE_HOOK)),
        (&[c"-vF"], Some(FREEZE_HOOK)),
        (&[c"-F", c"/x"], Some(FREEZE_HOOK)),
        (&[c"-F/x"], Some(c"/x")),
        (&[c"-vF/x"], Some(c"/x")),
        (&[c"--fsfreeze-hook"], Some(FREEZE_HOOK)),
        (&[c"--fsfreeze-hook", c"/x"], Some(FREEZE_HOOK)),
        (&[c"--fsfreeze-hook=/x"], Some(c"/x")),
        (&[c"--fsfreeze-hook="], Some(c"")),
        (&[], None),
    ] {
        assert_eq!(run(words).freeze_hook, hook, "{words:?}");
    }
}

#[test]
fn what_is_unambiguous_to_qemu_ga_may_be_cut() {
    assert_eq!(run(&[c"--s", c"/x"]).state_directory, Some(c"/x"));
    assert_eq!(run(&[c"--f=/x"]).freeze_hook, Some(c"/x"));
    assert_eq!(run(&[c"--b", c"guest-ping"]), run(&[c"-b", c"guest-ping"]));
    assert_eq!(run(&[c"--sh", c"7"]).shutdown_timeout_s, 7);
    assert_eq!(run(&[c"--vs", c"7"]).vsock_peer, Some(7));
}

#[test]
fn some_options_are_done_instead() {
    for (words, action) in [
        (&[c"-vV"][..], Action::Version),
        (&[c"--vers", c"-X"], Action::Version),
        (&[c"--help", c"-m", c"nonsense"], Action::Help),
        (&[c"-b", c"help", c"-V"], Action::Commands),
        (&[c"-a?"], Action::Commands),
        (&[c"--blacklist=help"], Action::Commands),
        (&[c"-D"], Action::Dump(Some(empty()))),
    ] {
        assert_eq!(read_words(words, 65536, 4096).ok().map(|read| read.0), Some(action), "{words:?}");
    }
    assert!(matches!(read_words(&[c"-D", c"-b", c"guest-ping,help"], 65536, 4096), Ok((Action::Dump(..), _))));
}

#[test]
fn what_is_wrong_is_named() {
    for (words, text) in [
        (&[c"-x"][..], "invalid option -- 'x'"),
        (&[c"-vx"], "invalid option -- 'x'"),
        (&[c"-\xC3"], "invalid option -- '\u{FFFD}'"),
        (&[c"--nonsense=1"], "unrecognized option '--nonsense=1'"),
        (&[c"--ver"], "option '--ver' is ambiguous; possibilities: '--verbose' '--version'"),
        (&[c"--ver=x"], "option '--ver=x' is ambiguous; possibilities: '--verbose' '--version'"),
        (&[c"-p"], "option requires an argument -- 'p'"),
        (&[c"-vp"], "option requires an argument -- 'p'"),
        (&[c"--pa"], "option '--path' requires an argument"),
        (&[c"--verb=1"], "option '--verbose' doesn't allow an argument"),
        (&[c"--version="], "option '--version' doesn't allow an argument"),
        (&[c"--blackl", c"x"], "unrecognized option '--blackl'"),
    ] {
        assert_eq!(refusal(words), (text.to_owned(), true), "{words:?}");
    }
    for value in [c"soon", c"", c"-1", c"4294967296", c"1 ", c"0x1"] {
        let (text, of_syntax) = refusal(&[c"--shutdown-timeout", value]);
        let wanted = format!(
            "option '--shutdown-timeout' wants a number from 0 to 4294967295, not '{}'",
            value.to_str().unwrap()
        );
        assert_eq!((text, of_syntax), (wanted, false));
    }
}

#[test]
fn the_lists_take_both_separators_and_add_up() {
    let allows = |options: Options, name: &str| options.lists.allow(name);
    for words in [
        &[c"-b", c"guest-ping,guest-sync"][..],
        &[c"-b", c"guest-ping;guest-sync"],
        &[c"-b", c" guest-ping ;\tguest-sync;"],
        &[c"-b", c"guest-ping", c"--blacklist", c"guest-sync"],
        &[c"--block-rpcs=guest-ping,nonsense,,", c"-bguest-sync"],
    ] {
        let options = run(words);
        assert!(!allows(options, "guest-ping") && !allows(options, "guest-sync"), "{words:?}");
        assert!(allows(options, "guest-info"), "{words:?}");
    }
    let options = run(&[c"-a", c"guest-ping;guest-info", c"-a", c"guest-sync", c"-b", c"guest-info"]);
    assert!(allows(options, "guest-ping") && allows(options, "guest-sync"));
    assert!(!allows(options, "guest-info") && !allows(options, "guest-get-time"));
    for (words, all) in [(&[c"-a", c""][..], true), (&[c"-a", c","], false), (&[c"-a", c"nonsense"], false)] {
        assert_eq!(allows(run(words), "guest-ping"), all, "{words:?}");
    }
}

#[test]
fn every_key_of_a_file_is_taken() {
    let options = configured(
        b"[general]\ndaemon=1\nmethod=isa-serial\npath=/p\nlogfile=/l\npidfile=/f\nfsfreeze-hook=/h\nstatedir=/s\n\
          verbose=true\nretry-path=true\nblock-rpcs=guest-ping\nallow-rpcs=guest-ping;guest-sync\nshutdown-timeout=5\nhook-timeout=6\nfreeze-timeout=7\n\
          vsock-peer=any\n",
    );
    let lists = run(&[c"-b", c"guest-ping", c"-a", c"guest-ping,guest-sync"]).lists;
    assert_eq!(
        options,
        Options {
            method: c"isa-serial",
            path: Some(c"/p"),
            log_file: Some(c"/l"),
            pid_file: Some(c"/f"),
            freeze_hook: Some(c"/h"),
            state_directory: Some(c"/s"),
            verbose: true,
            daemonize: true,
            retry_path: true,
            lists,
            shutdown_timeout_s: 5,
            hook_timeout_s: 6,
            freeze_timeout_s: 7,
            vsock_peer: None,
        }
    );
    // The man page of qemu-ga has that name for it, and qemu-ga 7 this one for the list.
    assert!(configured(b"[general]\ndaemonize=true").daemonize);
    assert_eq!(configured(b"[general]\nblacklist=guest-ping").lists, run(&[c"-bguest-ping"]).lists);
    assert_eq!(configured(b"[general]\nconfig=/x\nversion=1\nhelp=x\ndump-conf=true\nnonsense=\\q"), Options::DEFAULT);
    assert_eq!(configured(b"[other]\nverbose=x\npath=\\q\n[General]\nverbose=true"), Options::DEFAULT);
}

#[test]
fn the_command_line_overrides_a_file_and_adds_to_its_lists() {
    let config = file(b"[general]\npath=/file\nverbose=true\nblock-rpcs=guest-ping\nblock-rpcs=guest-sync\n");
    let options = run(&[c"-p", c"/line", c"-c", c"/nowhere", c"-b", c"guest-info", c"-c", config]);
    assert_eq!(options.path, Some(c"/line"));
    assert!(options.verbose);
    // Of a key that is there twice, the last one counts.
    assert_eq!(options.lists, run(&[c"-b", c"guest-sync,guest-info"]).lists);
}

#[test]
fn a_file_that_is_wrong_says_where() {
    for (text, why) in [
        (&b"path=x"[..], "Key file does not start with a group"),
        (b"[general]\n\n#\njunk\n", "line 4 is neither [GROUP] nor KEY=VALUE nor # COMMENT"),
        (b"[x]\n=y", "line 2 is neither [GROUP] nor KEY=VALUE nor # COMMENT"),
        (b"[]", "line 1 has no valid name of a group"),
        (b"[x]\na[b]c=d", "line 2 has no valid name of a key"),
        (b"[general]\nverbose=yes", "line 2: 'verbose' is neither true nor false"),
        (b"[general]\ndaemon=", "line 2: 'daemonize' is neither true nor false"),
        (b"[general]\npath=\\q", r"line 2: 'path' has a \ that begins none of \s \t \n \r \\"),
        (b"[general]\nblock-rpcs=a\\,b", r"line 2: 'block-rpcs' has a \ that begins none of \s \t \n \r \\"),
        (b"[general]\nmethod=\xFF", "line 2: 'method' is not UTF-8"),
        (b"[general]\nvsock-peer=x", "line 2: 'vsock-peer' wants a number from 0 to 4294967295"),
    ] {
        let path = file(text);
        let wanted = format!("error loading configuration from path: {}, {why}", path.to_str().unwrap());
        assert_eq!(refusal(&[c"-c", path]), (wanted, false));
    }
    for (path, why) in [
        (c"/no/such/file", "No such file or directory"),
        (c"", "No such file or directory"),
        (c"/", "Not a regular file"),
        (c"/dev/null", "Not a regular file"),
        (c"/dev/null/x", "Not a directory"),
    ] {
        let wanted = format!("error loading configuration from path: {}, {why}", path.to_str().unwrap());
        assert_eq!(refusal(&[c"-V", c"-c", path]), (wanted, false));
    }
}

#[test]
fn files_of_any_length_are_read_a_line_at_a_time() {
    let mut text = b"[general]\n".to_vec();
    for _ in 0..20_000 {
        text.extend_from_slice(b"# a comment, and a key that is none\nother = value\n");
    }
    text.extend_from_slice(b"path=/behind");
    assert_eq!(configured(&text).path, Some(c"/behind"));

    // The longest line that fits, and one byte more.
    let mut longest = b"[general]\nblock-rpcs=".to_vec();
    longest.extend(std::iter::repeat_n(b',', 4095 - 11 - 10));
    longest.extend_from_slice(b"guest-ping\nverbose=1\n");
    let options = configured(&longest);
    assert!(options.verbose && !options.lists.allow("guest-ping"));
    longest.insert(30, b',');
    let (text, _) = refusal(&[c"-c", file(&longest)]);
    assert!(text.ends_with(", a line is longer than 131071 bytes"), "{text}");
}

#[test]
fn what_is_kept_of_a_file_has_a_limit() {
    let config = file(b"[general]\npath=/four\nlogfile=/four\n");
    let (words, text) = (&[c"-c", config][..], "is too long: the values of the file may come to 20480 bytes");
    assert!(read_words(words, 12, 4096).is_ok());
    let error = read_words(words, 11, 4096).err().map(|refused| text_of(&refused.error));
    assert_eq!(error.as_deref().map(|error| error.ends_with(text)), Some(true), "{error:?}");
}

#[test]
fn what_works_is_told_in_two_forms() {
    for (words, as_json) in
        [(&[c"--check"][..], false), (&[c"--check=json"], true), (&[c"-D", c"--check", c"-v"], false)]
    {
        let action = read_words(words, 65536, 4096).map(|(action, _)| action);
        assert_eq!(action.ok(), Some(Action::Check { as_json }), "{words:?}");
    }
    let (text, of_syntax) = refusal(&[c"--check=xml"]);
    assert_eq!((text.as_str(), of_syntax), ("option '--check' may have the value json, not 'xml'", false));
    // What qemu-ga takes for its own stays so, and the file has no such key.
    assert_eq!(run(&[c"--c", file(b"[general]\nverbose=1\ncheck=x\n")]), run(&[c"-v"]));
}
