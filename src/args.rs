//! Arguments: one declaration per command gives both the check and the typed struct.
//!
//! The request machine holds `arguments` in canonical form: well-formed JSON, double quotes, no blanks, every escape
//! resolved but `\"` and `\\`. So what is left to tell a client is which member is missing, unexpected or of the wrong
//! type, in the order of the declaration, and with QEMU's words; serde-json-core, which could not say which, then only
//! sees single values of the right kind.

mod list;
mod members;
mod text;

use crate::error;
use crate::error::Error;
pub use list::{Elements, List};
pub use members::Members;
pub use text::{NoCString, Runs, Text};

/// The name of a member, behind one more reference: so it is one word long, and a [`Path`] three.
pub type Name = &'static &'static str;

/// The name of an argument as error messages give it: `handle`, `arg[0]`, `vcpus[1].online`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The member of `arguments`; empty for `arguments` itself.
    pub name: Name,
    /// Which element of the list it is.
    pub index: Option<u32>,
    /// Which member of that element.
    pub member: Option<Name>,
}

impl Path {
    /// The path of `arguments` itself.
    pub const NONE: Path = Path { name: &"", index: None, member: None };

    /// A member of `arguments`, or of the list element that this path names.
    #[inline(never)] // smaller so
    pub const fn member(self, name: Name) -> Path {
        if self.name.is_empty() { Path { name, ..self } } else { Path { member: Some(name), ..self } }
    }

    /// The last component, which is all that some messages give.
    pub const fn last(self) -> Path {
        match self.member {
            Some(name) => Path { name, index: None, member: None },
            None => self,
        }
    }

    /// Gives the text of the path in pieces.
    pub fn pieces(self, mut piece: impl FnMut(&[u8])) {
        piece(self.name.as_bytes());
        if let Some(index) = self.index {
            piece(b"[");
            piece(crate::json::write::decimal(u64::from(index), &mut [0; 20]));
            piece(b"]");
        }
        if let Some(member) = self.member {
            piece(b".");
            piece(member.as_bytes());
        }
    }
}

/// Where the error is put of arguments that are refused: one place for them all, so that it is not handed on from function to
/// function.
pub type Refused<'a> = Option<Error<'a>>;

/// A type that an argument can have.
pub trait Value<'a> {
    /// Reads the value, which is canonical JSON; `path` names it in the error. Whether it is of the type: if not, `refused`
    /// says why.
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool;

    /// The member is absent. Whether it may be: if not, unless the type is optional, `refused` says so.
    fn absent(&self, path: &Path, refused: &mut Refused<'a>) -> bool {
        missing(path, refused)
    }
}

/// The value that canonical JSON holds. `None` if it is not of the type.
pub fn value<'a, T: Value<'a> + Default>(json: &'a [u8]) -> Option<T> {
    let mut value = T::default();
    value.read(json, &Path::NONE, &mut None).then_some(value)
}

#[inline(never)] // and once instead of for each type
fn missing(path: &Path, refused: &mut Refused<'_>) -> bool {
    *refused = Some(error!["Parameter '", *path, "' is missing"]);
    false
}

/// Refuses a value of the wrong type: always false.
#[inline(never)] // as for `missing`
pub fn wrong_type(path: &Path, expected: &'static str, refused: &mut Refused<'_>) -> bool {
    *refused = Some(error!["Invalid parameter type for '", *path, "', expected: ", expected]);
    false
}

/// The place of a word in a list of those that an enumeration has, which stand between single blanks. `None` if it is not in
/// the list: `refused` says so then.
pub fn choice<'a>(json: &'a [u8], path: &Path, words: &[u8], refused: &mut Refused<'a>) -> Option<usize> {
    let mut word = Text::default();
    if !word.read(json, path, refused) {
        return None;
    }
    let place = word.position(words);
    if place.is_none() {
        *refused = Some(error!["Parameter '", path.last(), "' does not accept value '", word, "'"]);
    }
    place
}

impl<'a> Value<'a> for i64 {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        // A fraction or an exponent is left over, and refused, whatever its value.
        match serde_json_core::from_slice(json) {
            Ok((value, _)) => *self = value,
            Err(_) => return wrong_type(path, "integer", refused),
        }
        true
    }
}

impl<'a> Value<'a> for u64 {
    /// A negative number is taken as its two's complement, as QEMU does.
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        if let Ok((value, _)) = serde_json_core::from_slice(json) {
            *self = value;
        } else if let Ok((value, _)) = serde_json_core::from_slice::<i64>(json) {
            *self = value.cast_unsigned();
        } else {
            *refused = Some(error!["Parameter '", *path, "' expects uint64"]);
            return false;
        }
        true
    }
}

impl<'a> Value<'a> for bool {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        match serde_json_core::from_slice(json) {
            Ok((value, _)) => *self = value,
            Err(_) => return wrong_type(path, "boolean", refused),
        }
        true
    }
}

impl<'a> Value<'a> for Text<'a> {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        // Canonical form leaves nothing to be parsed in a text, however long it is.
        match json.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) {
            Some(text) => *self = Text::from_escaped(text),
            None => return wrong_type(path, "string", refused),
        }
        true
    }
}

impl<'a, T: Value<'a> + Default> Value<'a> for Option<T> {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        self.insert(T::default()).read(json, path, refused)
    }

    fn absent(&self, _: &Path, _: &mut Refused<'a>) -> bool {
        true
    }
}

/// The arguments of a command, made by [`arguments!`](crate::arguments). Their `Default` is what they are read into.
pub trait Arguments<'a>: Value<'a> + Default {
    /// There are none. This is then seen to for all such commands in one place, [`none`], and not here.
    const NONE: bool = false;

    /// Reads the canonical JSON that the arguments of a request are held in: `None` if `refused` says why not.
    fn of(json: &'a [u8], refused: &mut Refused<'a>) -> Option<Self> {
        let mut arguments = Self::default();
        arguments.read(json, &Path::NONE, refused).then_some(arguments)
    }
}

/// No arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArguments;

impl<'a> Value<'a> for NoArguments {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        read_members(json, path, &[], &mut [], refused)
    }
}

impl<'a> Arguments<'a> for NoArguments {
    const NONE: bool = true;

    fn of(_: &'a [u8], _: &mut Refused<'a>) -> Option<Self> {
        Some(NoArguments)
    }
}

/// Whether there are no arguments; `refused` says what there is.
pub fn none<'a>(json: &'a [u8], refused: &mut Refused<'a>) -> bool {
    // Mostly there are none, and nothing need be looked for.
    json == b"{}" || NoArguments.read(json, &Path::NONE, refused)
}

/// Reads the members of the object `json` that have these names, in this order, each into the value in the same place.
/// Refuses what is no object, and other members; see [`Value::read`].
pub fn read_members<'a>(
    json: &'a [u8],
    path: &Path,
    names: &'static [&'static str],
    values: &mut [&mut dyn Value<'a>],
    refused: &mut Refused<'a>,
) -> bool {
    if json.first() != Some(&b'{') {
        return wrong_type(path, "object", refused);
    }
    let members = Members::of(json);
    for (name, value) in names.iter().zip(values) {
        let path = path.member(name);
        let is_good = match members.get(name) {
            Some(json) => value.read(json, &path, refused),
            None => value.absent(&path, refused),
        };
        if !is_good {
            return false;
        }
    }
    let Some((name, _)) = members.find(names, false) else { return true };
    let dot = if path.name.is_empty() { "" } else { "." };
    *refused = Some(error!["Parameter '", *path, dot, name, "' is unexpected"]);
    false
}

/// Declares the arguments of a command, or the elements of a [`List`](crate::args::List) among them: a struct whose
/// fields are decoded, in order, from the members named before them. An `Option` may be absent.
#[macro_export]
macro_rules! arguments {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $( $(#[$field_meta:meta])* $wire:literal => $field:ident : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default)]
        $vis struct $name $(<$life>)? {
            $( $(#[$field_meta])* pub $field: $type, )+
        }

        $crate::arguments!(@read $name ($($life)?) $($wire => $field),+);
    };
    (@read $name:ident () $($wire:literal => $field:ident),+) => {
        impl<'a> $crate::args::Value<'a> for $name {
            $crate::arguments!(@members 'a $($wire => $field),+);
        }

        impl $crate::args::Arguments<'_> for $name {}
    };
    (@read $name:ident ($life:lifetime) $($wire:literal => $field:ident),+) => {
        impl<$life> $crate::args::Value<$life> for $name<$life> {
            $crate::arguments!(@members $life $($wire => $field),+);
        }

        impl<$life> $crate::args::Arguments<$life> for $name<$life> {}
    };
    (@members $life:lifetime $($wire:literal => $field:ident),+) => {
        fn read(
            &mut self,
            json: &$life [u8],
            path: &$crate::args::Path,
            refused: &mut $crate::args::Refused<$life>,
        ) -> bool {
            $crate::args::read_members(json, path, &[$($wire),+], &mut [$(&mut self.$field),+], refused)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Writer;

    arguments! {
        /// One argument of each type.
        #[allow(dead_code)] // only the decoding is of interest
        pub struct Sample<'a> {
            /// A text.
            "path" => path: Text<'a>,
            /// An integer.
            "count" => count: Option<i64>,
            /// An unsigned integer.
            "index" => index: Option<u64>,
            /// A boolean.
            "flag" => flag: Option<bool>,
        }
    }

    fn refused<'a, A: Arguments<'a>>(json: &'a str) -> Error<'a> {
        let mut refused = None;
        assert!(A::of(json.as_bytes(), &mut refused).is_none(), "{json}");
        refused.expect(json)
    }

    fn refusal(json: &str) -> String {
        let error = refused::<Sample>(json);
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, 0);
        error.write(512, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn members_are_found_behind_values_of_any_kind() {
        let json = br#"{"a":{"path":[1,"}"]},"b":"x\",\"path\":1","path":"p\\\"q","count":-5,"flag":true,"index":-1}"#;
        let members = Members::of(json);

        let path: Text<'_> = value(members.get("path").unwrap()).unwrap();
        assert!(path.eq("p\\\"q"));
        let mut buffer = [0; 4];
        assert_eq!(path.copy_to(&mut buffer).as_deref(), Some(&b"p\\\"q"[..]));
        assert_eq!(path.copy_to(&mut [0; 3]), None);
        assert_eq!(value(members.get("count").unwrap()), Some(-5_i64));
        assert_eq!(value(members.get("index").unwrap()), Some(u64::MAX));
        assert!(members.get("q").is_none());
    }

    #[test]
    fn an_object_that_is_not_complete_reads_as_far_as_it_goes() {
        let whole = br#"{"handle":1000,"buf-b64":"QUJD"#;
        let members = Members::of(whole);
        assert_eq!(members.get("handle"), Some(&b"1000"[..]));
        for end in 0..whole.len() {
            assert!(Members::of(&whole[..end]).find(&["handle", "buf-b64"], false).is_none());
        }
    }

    #[test]
    fn the_first_declared_member_that_fails_is_told() {
        for (json, text) in [
            ("{}", "Parameter 'path' is missing"),
            (r#"{"x":1}"#, "Parameter 'path' is missing"),
            (r#"{"x":1,"path":""}"#, "Parameter 'x' is unexpected"),
            (r#"{"path":1}"#, "Invalid parameter type for 'path', expected: string"),
            (r#"{"count":"","path":null}"#, "Invalid parameter type for 'path', expected: string"),
            (r#"{"path":"","count":1.0}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":1e3}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":null}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","count":9223372036854775808}"#, "Invalid parameter type for 'count', expected: integer"),
            (r#"{"path":"","index":18446744073709551616}"#, "Parameter 'index' expects uint64"),
            (r#"{"path":"","flag":1}"#, "Invalid parameter type for 'flag', expected: boolean"),
        ] {
            assert_eq!(refusal(json), text, "{json}");
        }
    }

    arguments! {
        /// An element of a list.
        #[derive(PartialEq, Eq)]
        pub struct Element {
            /// A number.
            "phys-index" => index: u64,
            /// A flag.
            "online" => online: bool,
            /// Another one.
            "can-offline" => can_offline: Option<bool>,
        }
    }

    arguments! {
        /// A list.
        pub struct Listed<'a> {
            /// The list.
            "mem-blks" => elements: List<'a, Element>,
            /// Something behind it.
            "more" => more: Option<i64>,
        }
    }

    fn list_refusal(json: &str) -> String {
        let error = refused::<Listed>(json);
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, 0);
        error.write(512, &mut writer);
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    const LISTED: &str = concat!(
        r#"{"mem-blks":[{"phys-index":1,"online":true},{"can-offline":false,"online":false,"phys-index":-1},"#,
        r#"{"online":true,"phys-index":18446744073709551615}],"more":7}"#
    );

    #[test]
    fn a_list_gives_its_elements_in_order() {
        let listed = Listed::of(LISTED.as_bytes(), &mut None).unwrap();
        let expected = [
            Element { index: 1, online: true, can_offline: None },
            Element { index: u64::MAX, online: false, can_offline: Some(false) },
            Element { index: u64::MAX, online: true, can_offline: None },
        ];
        assert_eq!(listed.elements.elements().collect::<Vec<_>>(), expected);
        assert_eq!(listed.more, Some(7));
        let empty = Listed::of(br#"{"mem-blks":[],"more":7}"#, &mut None).unwrap();
        assert_eq!(empty.elements.elements().count(), 0);
    }

    #[test]
    fn a_list_is_taken_up_again_where_it_was_left() {
        let arguments = LISTED.as_bytes();
        let listed = Listed::of(arguments, &mut None).unwrap();
        let all: Vec<Element> = listed.elements.elements().collect();
        let mut place = listed.elements.elements().place_in(arguments);
        for expected in all {
            let mut elements = Elements::<Element>::resume(arguments, place);
            assert_eq!(elements.next(), Some(expected));
            place = elements.place_in(arguments);
        }
        assert_eq!(Elements::<Element>::resume(arguments, place).next(), None);
        for place in [-1, 0, i64::MAX] {
            assert_eq!(Elements::<Element>::resume(arguments, place).next(), None);
        }
    }

    #[test]
    fn what_is_wrong_in_a_list_is_told_with_its_place() {
        const GOOD: &str = r#"{"phys-index":1,"online":true}"#;
        for (json, text) in [
            ("{}".into(), "Parameter 'mem-blks' is missing"),
            (r#"{"mem-blks":{}}"#.into(), "Invalid parameter type for 'mem-blks', expected: array"),
            (r#"{"mem-blks":null}"#.into(), "Invalid parameter type for 'mem-blks', expected: array"),
            (r#"{"mem-blks":[1]}"#.into(), "Invalid parameter type for 'mem-blks[0]', expected: object"),
            (r#"{"mem-blks":[null]}"#.into(), "Invalid parameter type for 'mem-blks[0]', expected: object"),
            (format!(r#"{{"mem-blks":[{GOOD},[]]}}"#), "Invalid parameter type for 'mem-blks[1]', expected: object"),
            (r#"{"mem-blks":[{"x":1}],"y":1}"#.into(), "Parameter 'mem-blks[0].phys-index' is missing"),
            (format!(r#"{{"mem-blks":[{GOOD},{{"phys-index":2}}]}}"#), "Parameter 'mem-blks[1].online' is missing"),
            (r#"{"mem-blks":[{"phys-index":1.0}]}"#.into(), "Parameter 'mem-blks[0].phys-index' expects uint64"),
            (r#"{"mem-blks":[{"phys-index":"1"}]}"#.into(), "Parameter 'mem-blks[0].phys-index' expects uint64"),
            (
                r#"{"mem-blks":[{"phys-index":1,"online":1}]}"#.into(),
                "Invalid parameter type for 'mem-blks[0].online', expected: boolean",
            ),
            (
                r#"{"mem-blks":[{"phys-index":1,"online":true,"can-offline":null}]}"#.into(),
                "Invalid parameter type for 'mem-blks[0].can-offline', expected: boolean",
            ),
            // What one element has too much is told before what the next one lacks.
            (
                r#"{"mem-blks":[{"phys-index":1,"online":true,"a\"b":[]},{}]}"#.into(),
                r#"Parameter 'mem-blks[0].a\"b' is unexpected"#,
            ),
            (
                format!(r#"{{"y":1,"mem-blks":[{GOOD}],"more":null}}"#),
                "Invalid parameter type for 'more', expected: integer",
            ),
            (format!(r#"{{"y":1,"mem-blks":[{GOOD}]}}"#), "Parameter 'y' is unexpected"),
        ] {
            let json: String = json;
            assert_eq!(list_refusal(&json), text, "{json}");
        }
    }

    #[test]
    fn the_least_and_the_greatest_integer_are_taken() {
        for value in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(super::value(value.to_string().as_bytes()), Some(value));
        }
        assert_eq!(value(b"-0"), Some(0_i64));
        assert_eq!(value(u64::MAX.to_string().as_bytes()), Some(u64::MAX));
    }
}
