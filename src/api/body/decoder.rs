//! Takes a JSON value apart and notes everything that is wrong with it.
//!
//! Deriving the decoder would stop at the first fault and could not say where it was. Here each reader takes a member
//! out of its object, so that strings are moved, not copied, and what nobody took is an unknown field. `null` counts as
//! absent, because many clients write it for a field that they leave out.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::api::fault::{Code, Fault, FieldFault};

/// A place in the request, written for programs (`/files/0/path`) and for people (`files[0].path`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pointer: String,
    name: String,
}

/// All that was found to be wrong.
#[derive(Debug, Default)]
pub struct Faults {
    listed: Vec<FieldFault>,
    count: usize,
}

/// An object of which some members have been taken.
#[derive(Debug)]
pub struct Object {
    place: Place,
    members: Map<String, Value>,
    /// Set where there was no object at all: its members are not missed.
    absent: bool,
}

/// So many are listed. A body of nothing but unknown fields must not be answered with something larger than itself.
const MOST_LISTED: usize = 100;

/// A name that is longer is told in part, for the same reason.
const MOST_NAME_BYTES: usize = 100;

/// More than any list of a request can use. Longer ones are not walked: a body of nothing but `{}` has a million.
const MOST_OBJECTS: usize = 20_000;

impl Place {
    pub fn member(&self, name: &str) -> Self {
        let name = &name[..name.floor_char_boundary(MOST_NAME_BYTES)];
        let dot = if self.name.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1")),
            name: format!("{}{dot}{name}", self.name),
        }
    }

    pub fn item(&self, index: usize) -> Self {
        Self { pointer: format!("{}/{index}", self.pointer), name: format!("{}[{index}]", self.name) }
    }
}

impl Faults {
    /// `complaint` completes a sentence that begins with the field.
    pub fn add(&mut self, place: &Place, complaint: impl AsRef<str>) {
        self.add_at(|| place.clone(), complaint);
    }

    /// For where there may be very many: what is not listed is not even named.
    fn add_at(&mut self, place: impl FnOnce() -> Place, complaint: impl AsRef<str>) {
        self.count += 1;
        if self.listed.len() < MOST_LISTED {
            let (place, complaint) = (place(), complaint.as_ref());
            let detail = match place.name.as_str() {
                "" => format!("the request {complaint}"),
                name => format!("`{name}` {complaint}"),
            };
            self.listed.push(FieldFault { pointer: place.pointer, detail });
        }
    }

    /// One fault of the given kind that holds them all, if there are any.
    pub fn check(self, code: Code) -> Result<(), Fault> {
        let Some(first) = self.listed.first() else { return Ok(()) };
        let detail = match self.count {
            1 => first.detail.clone(),
            count => format!("{count} faults, the first: {}", first.detail),
        };
        Err(Fault { errors: self.listed, ..Fault::new(code, detail) })
    }
}

impl Object {
    pub fn new(value: Value, place: Place, faults: &mut Faults) -> Self {
        match value {
            Value::Object(members) => Self { place, members, absent: false },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                faults.add(&place, "must be an object");
                Self { place, members: Map::new(), absent: true }
            }
        }
    }

    pub fn place(&self, name: &str) -> Place {
        self.place.member(name)
    }

    pub fn string(&mut self, name: &str, faults: &mut Faults) -> Option<String> {
        self.read(name, "must be a string", faults, string)
    }

    pub fn required_string(&mut self, name: &str, faults: &mut Faults) -> String {
        self.require(name, faults);
        self.string(name, faults).unwrap_or_default()
    }

    pub fn require(&self, name: &str, faults: &mut Faults) {
        if !self.holds(name) && !self.absent {
            faults.add(&self.place(name), "is required");
        }
    }

    pub fn number(&mut self, name: &str, faults: &mut Faults) -> Option<f64> {
        self.read(name, "must be a number", faults, |value| value.as_f64().ok_or(value))
    }

    pub fn boolean(&mut self, name: &str, faults: &mut Faults) -> Option<bool> {
        self.read(name, "must be true or false", faults, |value| value.as_bool().ok_or(value))
    }

    pub fn choice<T: Copy>(&mut self, name: &str, of: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        let known: Vec<_> = of.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.read(name, &format!("must be {}", known.join(" or ")), faults, |value| {
            let chosen = of.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, choice)| *choice);
            chosen.ok_or(value)
        })
    }

    /// Text, or what it stands for when `encoding` names a member that says "base64".
    pub fn bytes(&mut self, name: &str, encoding: &str, faults: &mut Faults) -> Option<Vec<u8>> {
        let is_base64 = self.choice(encoding, &[("utf8", false), ("base64", true)], faults).unwrap_or(false);
        let text = self.string(name, faults)?;
        if !is_base64 {
            return Some(text.into_bytes());
        }
        let decoded = BASE64_STANDARD.decode(text);
        if decoded.is_err() {
            faults.add(&self.place(name), "is not base64 (the standard alphabet, with padding)");
        }
        decoded.ok()
    }

    pub fn object(&mut self, name: &str, faults: &mut Faults) -> Option<Self> {
        let place = self.place(name);
        self.take(name).map(|value| Self::new(value, place, faults))
    }

    /// A list of objects and what `decode` makes of each.
    pub fn objects<T>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        mut decode: impl FnMut(Self, &mut Faults) -> T,
    ) -> Vec<T> {
        let place = self.place(name);
        let items = self.list(name, faults);
        if items.len() > MOST_OBJECTS {
            faults.add(&place, format!("must hold at most {MOST_OBJECTS} items"));
            return Vec::new();
        }
        let items = items.into_iter().enumerate();
        items.map(|(index, value)| decode(Self::new(value, place.item(index), faults), faults)).collect()
    }

    pub fn strings(&mut self, name: &str, faults: &mut Faults) -> Vec<String> {
        let place = self.place(name);
        let items = self.list(name, faults).into_iter().enumerate();
        items
            .filter_map(|(index, value)| {
                string(value).map_err(|_| faults.add_at(|| place.item(index), "must be a string")).ok()
            })
            .collect()
    }

    fn list(&mut self, name: &str, faults: &mut Faults) -> Vec<Value> {
        let items = self.read(name, "must be an array", faults, |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        });
        items.unwrap_or_default()
    }

    /// An object whose members are all strings, in the order of their names.
    pub fn string_map(&mut self, name: &str, faults: &mut Faults) -> Vec<(String, String)> {
        let Some(object) = self.object(name, faults) else { return Vec::new() };
        let Self { place, members, .. } = object;
        let pairs = members.into_iter().map(|(name, value)| match string(value) {
            Ok(value) => Some((name, value)),
            Err(_) => {
                faults.add_at(|| place.member(&name), "must be a string");
                None
            }
        });
        pairs.flatten().collect()
    }

    /// Whether the member is there and has not been taken.
    pub fn holds(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether there was no object to begin with.
    pub fn is_absent(&self) -> bool {
        self.absent
    }

    /// Complains about every member that nobody took.
    pub fn finish(self, faults: &mut Faults) {
        for name in self.members.keys() {
            faults.add_at(|| self.place.member(name), "is not a known field");
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn read<T>(
        &mut self,
        name: &str,
        complaint: &str,
        faults: &mut Faults,
        convert: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        let converted = convert(self.take(name)?);
        if converted.is_err() {
            faults.add(&self.place(name), complaint);
        }
        converted.ok()
    }
}

fn string(value: Value) -> Result<String, Value> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(faults: Faults) -> Vec<String> {
        faults.listed.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_pointer_escapes_what_rfc_6901_reserves() {
        let place = Place::default().member("a/b~c").item(3);
        assert_eq!((place.pointer.as_str(), place.name.as_str()), ("/a~1b~0c/3", "a/b~c[3]"));
    }

    #[test]
    fn what_nobody_takes_is_an_unknown_field() {
        let mut faults = Faults::default();
        let mut object = Object::new(json!({"known": "x", "nul": null, "typo": 1}), Place::default(), &mut faults);
        assert_eq!(object.string("known", &mut faults).as_deref(), Some("x"));
        assert_eq!(object.string("nul", &mut faults), None);
        object.finish(&mut faults);
        assert_eq!(pointers(faults), ["/typo"]);
    }

    #[test]
    fn nothing_is_missed_in_what_is_no_object() {
        let mut faults = Faults::default();
        let mut object = Object::new(json!([]), Place::default(), &mut faults);
        object.required_string("language", &mut faults);
        let fault = faults.check(Code::MalformedRequest).unwrap_err();
        assert_eq!(fault.detail, "the request must be an object");
        assert_eq!(fault.errors.len(), 1);
    }

    #[test]
    fn a_list_that_nobody_can_use_is_not_walked() {
        let mut faults = Faults::default();
        let mut object =
            Object::new(json!({"files": vec![json!({}); MOST_OBJECTS + 1]}), Place::default(), &mut faults);
        assert!(object.objects("files", &mut faults, |_, _| ()).is_empty());
        assert_eq!(pointers(faults), ["/files"]);
    }

    #[test]
    fn a_long_name_is_told_in_part() {
        let place = Place::default().member(&"ä".repeat(1000));
        assert_eq!(place.pointer, format!("/{}", "ä".repeat(MOST_NAME_BYTES / 2)));
    }

    #[test]
    fn a_flood_of_faults_is_counted_but_not_listed() {
        let mut faults = Faults::default();
        let members: Map<_, _> = (0..1000).map(|number| (number.to_string(), json!(1))).collect();
        Object::new(Value::Object(members), Place::default(), &mut faults).finish(&mut faults);
        let fault = faults.check(Code::MalformedRequest).unwrap_err();
        assert_eq!(fault.errors.len(), MOST_LISTED);
        assert!(fault.detail.starts_with("1000 faults, the first: "));
    }
}
