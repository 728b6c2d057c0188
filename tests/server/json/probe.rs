//! A path with what is asked of it, on the server and in Rust.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use pgrepo::json::{JsonArray, JsonContainer, JsonMap, JsonScalar, Rendering};
use pgrepo::{Db, Filter, JsonPath, Sort};
use serde::Serialize;
use serde_json::Value;

use super::documents::{Doc, ODD, Row, same};

type Says = Box<dyn Fn(Option<&Value>) -> bool>;

pub(super) struct Probe {
    pub(super) pointer: String,
    sql: String,
    asked: Vec<(String, Filter<'static, Row>, Says)>,
    sorted: Option<([Sort<'static, Row>; 3], Rendering)>,
}

/// A value in the form that the documents have: that of the text, where an f32 is not a double.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// What `@>` says, but at the root.
pub(super) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|part| whole.iter().any(|whole| contains(whole, part)))
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => false,
        (whole, part) => same(whole, part),
    }
}

fn compare(rendering: Rendering, a: &Value, b: &Value) -> Option<Ordering> {
    match rendering {
        Rendering::Decimal => {
            let number = |v: &Value| v.as_str().map(|text| text.parse::<f64>().unwrap());
            number(a)?.partial_cmp(&number(b)?)
        }
        Rendering::Instant => {
            let instant = |v: &Value| v.as_str().map(|text| text.parse::<DateTime<Utc>>().unwrap());
            instant(a)?.partial_cmp(&instant(b)?)
        }
        Rendering::Number => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        Rendering::Bool => a.as_bool()?.partial_cmp(&b.as_bool()?),
        _ => a.as_str()?.partial_cmp(b.as_str()?),
    }
}

/// Some values that the documents have at a place.
fn samples<V: Serialize>(docs: &[(Doc, Value)], of: &impl Fn(&Doc) -> Option<V>) -> Vec<V> {
    let mut all: Vec<V> = Vec::new();
    for value in docs.iter().filter_map(|(doc, _)| of(doc)) {
        if !all.iter().any(|other| json(other) == json(&value)) {
            all.push(value);
        }
        if all.len() == 4 {
            break;
        }
    }
    assert!(!all.is_empty());
    all
}

impl Probe {
    /// A path, what it leads to in a document, if that is of its type, and what can be asked of any value.
    pub(super) fn new<V: Serialize + Clone>(
        path: JsonPath<Row, V>,
        docs: &[(Doc, Value)],
        of: impl Fn(&Doc) -> Option<V>,
    ) -> Self {
        let mut probe = Self { pointer: path.pointer(), sql: path.sql(), asked: Vec::new(), sorted: None };
        for (doc, whole) in docs {
            if let Some(value) = of(doc) {
                assert_eq!(whole.pointer(&probe.pointer), Some(&json(&value)), "{}", probe.pointer);
            }
        }
        let values = samples(docs, &of);
        let is = |a: Option<&Value>, b: &Value| match a {
            Some(a) if !a.is_null() => same(a, b),
            _ => b.is_null(),
        };
        for value in &values {
            let one = json(value);
            let other = one.clone();
            probe.ask(format!("eq {one}"), path.eq(value), move |found| is(found, &other));
            probe.ask(format!("ne {one}"), path.ne(value), move |found| {
                found.is_some_and(|found| !found.is_null() && !same(found, &one))
            });
        }
        let all: Vec<Value> = values.iter().map(json).collect();
        probe.ask("in".into(), path.in_(values.clone()), move |found| all.iter().any(|one| is(found, one)));
        probe.ask("in none".into(), path.in_(Vec::<V>::new()), |_| false);
        probe.ask("is_null".into(), path.is_null(), |found| found.is_some_and(Value::is_null));
        probe.ask("exists".into(), path.exists(), |found| found.is_some());
        probe.ask("is_missing".into(), path.is_missing(), |found| found.is_none());
        probe
    }

    fn ask(&mut self, name: String, filter: Filter<'static, Row>, says: impl Fn(Option<&Value>) -> bool + 'static) {
        self.asked.push((name, filter, Box::new(says)));
    }

    /// Asks by size too, and sorts.
    pub(super) fn ordered<V: Serialize + Clone + JsonScalar + 'static>(
        mut self,
        path: JsonPath<Row, V>,
        docs: &[(Doc, Value)],
        of: impl Fn(&Doc) -> Option<V>,
    ) -> Self {
        let values = samples(docs, &of);
        let by = move |value: &V, wanted: fn(Ordering) -> bool| {
            let value = json(value);
            move |found: Option<&Value>| found.and_then(|f| compare(V::RENDERING, f, &value)).is_some_and(wanted)
        };
        for value in &values {
            let name = json(value);
            self.ask(format!("lt {name}"), path.lt(value), by(value, Ordering::is_lt));
            self.ask(format!("le {name}"), path.le(value), by(value, Ordering::is_le));
            self.ask(format!("gt {name}"), path.gt(value), by(value, Ordering::is_gt));
            self.ask(format!("ge {name}"), path.ge(value), by(value, Ordering::is_ge));
        }
        if let [from, to, ..] = values.as_slice() {
            let (least, greatest) = (by(from, Ordering::is_ge), by(to, Ordering::is_le));
            self.ask("between".into(), path.between(from, to), move |found| least(found) && greatest(found));
        }
        self.sorted = Some(([path.asc(), path.desc(), path.asc().nulls_first()], V::RENDERING));
        self
    }

    /// Asks for elements too.
    pub(super) fn array<V, I>(mut self, path: JsonPath<Row, V>, items: Vec<I>) -> Self
    where
        V: JsonArray<Item = I> + JsonContainer,
        I: Serialize,
    {
        for item in &items {
            let part = Value::from(vec![json(item)]);
            let same = part.clone();
            self.ask(format!("has {part}"), path.has(item), move |found| found.is_some_and(|f| contains(f, &same)));
            self.ask(format!("contains {part}"), path.contains(part.clone()), move |found| {
                found.is_some_and(|f| contains(f, &part))
            });
        }
        self.ask("contains []".into(), path.contains(Vec::<I>::new()), |found| found.is_some_and(Value::is_array));
        self
    }

    /// Asks for keys too.
    pub(super) fn map<V: JsonMap + JsonContainer>(mut self, path: JsonPath<Row, V>) -> Self {
        let has = |found: Option<&Value>, key: &str| found.is_some_and(|found| found.get(key).is_some());
        for key in ODD {
            self.ask(format!("has_key {key}"), path.has_key(key), move |found| has(found, key));
        }
        let some = ["o'clock", "b\\c", "none"];
        self.ask("has_any_key".into(), path.has_any_key(some), move |f| some.iter().any(|key| has(f, key)));
        self.ask("has_all_keys".into(), path.has_all_keys(["a", ""]), move |f| has(f, "a") && has(f, ""));
        let empty = serde_json::json!({});
        self.ask("contains {}".into(), path.contains(empty), |found| found.is_some_and(Value::is_object));
        self
    }

    /// Asks for objects that contain one.
    pub(super) fn object<V: JsonContainer>(mut self, path: JsonPath<Row, V>, part: Value) -> Self {
        let same = part.clone();
        self.ask(format!("contains {part}"), path.contains(part), move |f| f.is_some_and(|f| contains(f, &same)));
        self
    }

    /// Compares what the path leads to.
    pub(super) async fn leads(&self, db: &Db, docs: &[(Doc, Value)]) {
        let sql = format!("SELECT {} FROM docs ORDER BY id", self.sql);
        let found: Vec<Option<Value>> = db.query(&sql).fetch_all().await.unwrap();
        assert_eq!(found.len(), docs.len());
        for (found, (_, doc)) in found.iter().zip(docs) {
            let is_same = match (found, doc.pointer(&self.pointer)) {
                (Some(found), Some(value)) => same(found, value),
                (found, value) => found.is_none() && value.is_none(),
            };
            assert!(is_same, "{}: {found:?} in {doc}", self.pointer);
        }
    }

    /// Asks and sorts, whatever is found.
    pub(super) async fn runs(self, db: &Db) {
        for (name, filter, _) in self.asked {
            let found = db.repository::<Row>().find(filter).values(Row::ID).fetch_all().await;
            assert!(found.is_ok(), "{} {name}: {found:?}", self.pointer);
        }
        for sort in self.sorted.into_iter().flat_map(|(sorts, _)| sorts) {
            db.repository::<Row>().all().order_by(sort).values(Row::ID).fetch_all().await.unwrap();
        }
    }

    /// Compares which rows are found, and in which order; says how many questions found some of the rows.
    pub(super) async fn asks(self, db: &Db, docs: &[(Doc, Value)]) -> usize {
        let values: Vec<Option<&Value>> = docs.iter().map(|(_, doc)| doc.pointer(&self.pointer)).collect();
        let mut telling = 0;
        for (name, filter, says) in self.asked {
            let find = db.repository::<Row>().find(filter);
            let sql = find.sql();
            let mut found: Vec<i32> = find.values(Row::ID).fetch_all().await.unwrap();
            found.sort_unstable();
            let expected: Vec<i32> = (0..).zip(&values).filter(|(_, v)| says(**v)).map(|(id, _)| id).collect();
            assert_eq!(found, expected, "{} {name}: {sql}", self.pointer);
            telling += usize::from(!found.is_empty() && found.len() < docs.len());
        }
        let Some((sorts, rendering)) = self.sorted else { return telling };
        for (sort, (nulls_first, descending)) in sorts.into_iter().zip([(false, false), (true, true), (true, false)]) {
            let find = db.repository::<Row>().all().order_by(sort).order_by(Row::ID.asc());
            let found: Vec<i32> = find.values(Row::ID).fetch_all().await.unwrap();
            let mut expected: Vec<(i32, Option<&Value>)> =
                (0..).zip(&values).map(|(id, v)| (id, v.filter(|v| compare(rendering, v, v).is_some()))).collect();
            expected.sort_by(|(_, a), (_, b)| match (a, b) {
                (Some(a), Some(b)) => {
                    let order = compare(rendering, a, b).unwrap();
                    if descending { order.reverse() } else { order }
                }
                _ => a.is_none().cmp(&b.is_none()).then(Ordering::Equal),
            });
            if nulls_first {
                expected.sort_by_key(|(_, value)| value.is_some());
            }
            let expected: Vec<i32> = expected.into_iter().map(|(id, _)| id).collect();
            assert_eq!(found, expected, "{} in order", self.pointer);
        }
        telling
    }
}
