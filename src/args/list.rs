//! List arguments, as they stand in the request buffer.

use core::fmt;
use core::marker::PhantomData;

use super::members::value_length;
use super::{Path, Refused, Value, value, wrong_type};

/// A list argument, still in the request buffer: a view that decodes its elements when they are asked for, so that a
/// list of any length needs no memory of its own. Made only after all elements were checked.
pub struct List<'a, T> {
    json: &'a [u8],
    element: PhantomData<fn() -> T>,
}

// Not derived, because T need not be any of this.
impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        List { json: b"", element: PhantomData }
    }
}

impl<T> fmt::Debug for List<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("List").finish_non_exhaustive()
    }
}

impl<'a, T> List<'a, T> {
    /// The elements, from the first on.
    pub fn elements(self) -> Elements<'a, T> {
        Elements { rest: self.json, element: PhantomData }
    }
}

impl<'a, T: Value<'a> + Default> Value<'a> for List<'a, T> {
    fn read(&mut self, json: &'a [u8], path: &Path, refused: &mut Refused<'a>) -> bool {
        self.json = json;
        check_elements(json, &mut T::default(), path, refused)
    }
}

/// Refuses what is no array, and an element that is not of the type of `element`, which each is read into.
fn check_elements<'a>(json: &'a [u8], element: &mut dyn Value<'a>, path: &Path, refused: &mut Refused<'a>) -> bool {
    if json.first() != Some(&b'[') {
        return wrong_type(path, "array", refused);
    }
    let mut rest = json;
    let mut index = 0_u32;
    while let Some(json) = take_element(&mut rest) {
        if !element.read(json, &Path { index: Some(index), ..*path }, refused) {
            return false;
        }
        index = index.saturating_add(1);
    }
    true
}

/// Takes the next element off the rest of an array. `None` behind the last one.
#[inline(never)] // smaller so
fn take_element<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    // Each element stands behind the opening bracket or a comma.
    let behind = rest.split_first().filter(|(before, _)| matches!(before, b'[' | b','))?.1;
    let (element, behind) = behind.split_at_checked(value_length(behind)).filter(|(element, _)| !element.is_empty())?;
    *rest = behind;
    Some(element)
}

/// The elements of a [`List`], one after the other.
pub struct Elements<'a, T> {
    rest: &'a [u8],
    element: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Elements<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Elements").finish_non_exhaustive()
    }
}

impl<'a, T> Elements<'a, T> {
    /// Where in `arguments`, which they are part of, the elements still to come begin: a number to keep in a
    /// [`Cursor`](crate::command::Cursor).
    pub fn place_in(&self, arguments: &[u8]) -> i64 {
        let offset = self.rest.first().and_then(|first| arguments.element_offset(first));
        offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(i64::MAX)
    }

    /// The elements from a place on that [`Elements::place_in`] gave for the same `arguments`.
    pub fn resume(arguments: &'a [u8], place: i64) -> Self {
        let rest = usize::try_from(place).ok().and_then(|place| arguments.get(place..));
        Elements { rest: rest.unwrap_or_default(), element: PhantomData }
    }
}

impl<'a, T: Value<'a> + Default> Iterator for Elements<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        // They were all read once, so this does not fail.
        value(take_element(&mut self.rest)?)
    }
}
