//! Changes of a part, made by the server and in Rust, in random documents.

use pgrepo::{Assignment, Db, ErrorKind, Json, JsonPath};
use serde_json::{Value, json};

use super::documents::{Address, Doc, External, Pair, Row, Tagged, filled, same, small, text};
use super::probe;
use crate::support::Rng;

/// What a change makes of a column, whose NULL is `None`.
type Model = Box<dyn Fn(Option<Value>) -> Option<Value>>;

struct Change {
    assignment: Assignment<'static, Row>,
    model: Model,
}

fn steps<V>(path: JsonPath<Row, V>) -> Vec<String> {
    path.pointer().split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The place of an index in an array, if there is one.
fn place(index: &str, length: usize) -> Option<usize> {
    let index: i64 = index.parse().unwrap();
    let length = i64::try_from(length).unwrap();
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

/// Puts what `new` makes of the value at the end of the steps there; a step that is a number is an index.
fn put(at: Option<Value>, steps: &[String], new: &dyn Fn(Option<Value>) -> Value) -> Value {
    let Some((step, rest)) = steps.split_first() else { return new(at) };
    let at = at.filter(|at| !at.is_null());
    if step.parse::<i64>().is_err() {
        let mut object = at.unwrap_or_else(|| json!({}));
        let inner = put(object.get(step).cloned(), rest, new);
        object.as_object_mut().unwrap().insert(step.clone(), inner);
        return object;
    }
    let mut array = at.unwrap_or_else(|| json!([]));
    let elements = array.as_array_mut().unwrap();
    match place(step, elements.len()) {
        Some(index) => {
            let before = elements.get(index).cloned();
            *elements.get_mut(index).unwrap() = put(before, rest, new);
        }
        None if step.starts_with('-') => elements.insert(0, put(None, rest, new)),
        None => elements.push(put(None, rest, new)),
    }
    array
}

fn remove(at: &mut Value, steps: &[String]) {
    match (at, steps) {
        (Value::Object(object), [key]) => drop(object.remove(key)),
        (Value::Object(object), [key, rest @ ..]) => object.get_mut(key).into_iter().for_each(|at| remove(at, rest)),
        (Value::Array(array), [index, rest @ ..]) => {
            let Some(index) = place(index, array.len()) else { return };
            if rest.is_empty() {
                array.remove(index);
            } else {
                remove(array.get_mut(index).unwrap(), rest);
            }
        }
        _ => {}
    }
}

impl Change {
    fn put<V>(
        path: JsonPath<Row, V>,
        assignment: Assignment<'static, Row>,
        new: impl Fn(Option<Value>) -> Value + 'static,
    ) -> Self {
        let steps = steps(path);
        Self { assignment, model: Box::new(move |doc| Some(put(doc, &steps, &new))) }
    }

    fn set<V: serde::Serialize>(path: JsonPath<Row, V>, value: V) -> Self {
        let new = probe::json(&value);
        Self::put(path, path.set(value), move |_| new.clone())
    }

    fn remove<V>(path: JsonPath<Row, V>) -> Self {
        let steps = steps(path);
        let model = move |mut doc: Option<Value>| {
            if steps.is_empty() {
                return None;
            }
            doc.iter_mut().for_each(|doc| remove(doc, &steps));
            doc
        };
        Self { assignment: path.remove(), model: Box::new(model) }
    }

    fn push<I: serde::Serialize>(path: JsonPath<Row, Vec<I>>, item: I) -> Self {
        let new = probe::json(&item);
        Self::put(path, path.push(item), move |old| {
            let mut all = old.filter(|old| !old.is_null()).unwrap_or_else(|| json!([]));
            all.as_array_mut().unwrap().push(new.clone());
            all
        })
    }

    fn increment<V: pgrepo::json::JsonNumber + serde::Serialize>(path: JsonPath<Row, V>, by: V) -> Self {
        let step = probe::json(&by).as_i64().unwrap();
        Self::put(path, path.increment(by), move |old| (old.and_then(|old| old.as_i64()).unwrap_or(0) + step).into())
    }

    fn merge<V: pgrepo::json::JsonObject>(path: JsonPath<Row, V>, part: Value) -> Self {
        let other = part.clone();
        Self::put(path, path.merge(part), move |old| {
            let mut all = old.filter(|old| !old.is_null()).unwrap_or_else(|| json!({}));
            all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
            all
        })
    }

    /// A new value for the whole column.
    fn whole(doc: Option<Doc>) -> Self {
        let value = doc.as_ref().map(probe::json);
        Self { assignment: Row::DOC.set(doc.map(Json)), model: Box::new(move |_| value.clone()) }
    }

    fn any(rng: &mut Rng) -> Self {
        let at = Row::DOC;
        match rng.below(29) {
            0 => Self::set(at.at(Doc::CITY), Some(text(rng))),
            1 => Self::set(at.at(Doc::CITY), None),
            2 => Self::set(at.at(Doc::SETTINGS).key("o'clock"), small(rng)),
            3 => Self::set(at.at(Doc::SETTINGS).key("b\\c\"/~"), small(rng)),
            4 => Self::set(at.at(Doc::BOXED).at(Address::STREET), text(rng)),
            5 => Self::set(at.at(Doc::HOMES).index(0).at(Address::NUMBER), Some(small(rng))),
            6 => Self::set(at.at(Doc::HOMES).index(9).at(Address::STREET), text(rng)),
            7 => Self::set(at.at(Doc::HOMES).index(-1), Address::any(rng)),
            8 => Self::set(at.at(Doc::HOMES).index(-3).at(Address::STREET), text(rng)),
            9 => Self::set(at.at(Doc::PLACES).key("ключ 🦀").at(Address::STREET), text(rng)),
            10 => Self::set(at.at(Doc::PAIR).at(Pair::FIELD_0), text(rng)),
            11 => Self::set(at.at(Doc::EXTERNAL), External::TwoValues(text(rng), 5)),
            12 => Self::set(at.at(Doc::MORE.key("x new")), json!({"a": [null]})),
            13 => Self::set(at.document(), Doc::any(rng)),
            14 => Self::push(at.at(Doc::SKILLS), text(rng)),
            15 => Self::push(at.at(Doc::MARKS), None),
            16 => Self::push(at.at(Doc::HOMES), Address::any(rng)),
            17 => Self::push(at.at(Doc::PAIR).at(Pair::FIELD_2), small(rng)),
            18 => Self::increment(at.at(Doc::TAGGED).at(Tagged::WEIGHT), small(rng)),
            19 => Self::increment(at.at(Doc::SETTINGS).key("$1"), small(rng)),
            20 => Self::increment(at.at(Doc::MARKS).index(0), Some(small(rng))),
            21 => Self::merge(at.at(Doc::SETTINGS), json!({"": 1, "E'\\x'": 2})),
            22 => Self::merge(at.at(Doc::BOXED), json!({"no.": 5})),
            23 => Self::merge(at.document(), json!({"user": 7, "x": {"y": 1}})),
            24 => Self::remove(at.at(Doc::CITY)),
            25 => Self::remove(at.at(Doc::SETTINGS).key("o'clock")),
            26 => Self::remove(at.at(Doc::HOMES).index(-1)),
            27 => Self::remove(at.at(Doc::PLACES).key("").at(Address::NUMBER)),
            _ => Self::remove(at.at(Doc::BOXED).at(Address::STREET)),
        }
    }
}

async fn stored(db: &Db) -> Vec<Option<Value>> {
    db.query("SELECT doc FROM docs ORDER BY id").fetch_all().await.unwrap()
}

fn compare(found: &[Option<Value>], expected: &[Option<Value>]) {
    assert_eq!(found.len(), expected.len());
    for (id, (found, expected)) in found.iter().zip(expected).enumerate() {
        let is_same = match (found, expected) {
            (Some(found), Some(expected)) => same(found, expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(is_same, "{id}: {found:#?}\nand not {expected:#?}");
    }
}

#[pgrepo::test]
async fn random_changes_are_those_that_serde_json_makes(db: Db) {
    let mut models: Vec<Option<Value>> =
        filled(&db, 0xed17, 1_000).await.iter().map(|doc| Some(probe::json(doc))).collect();
    db.execute_script(
        "UPDATE docs SET doc = NULL WHERE id % 10 = 0; UPDATE docs SET doc = 'null' WHERE id % 10 = 1; \
         UPDATE docs SET doc = '{}' WHERE id % 10 = 2",
    )
    .await
    .unwrap();
    for (id, model) in models.iter_mut().enumerate() {
        match id % 10 {
            0 => *model = None,
            1 => *model = Some(Value::Null),
            2 => *model = Some(json!({})),
            _ => {}
        }
    }
    let mut rng = Rng(0xed17);
    for (id, model) in (0..).zip(&mut models) {
        let mut changes: Vec<Change> = (0..=rng.below(5)).map(|_| Change::any(&mut rng)).collect();
        match rng.below(10) {
            0 => changes.insert(0, Change::whole(None)),
            1 => changes.insert(0, Change::whole(Some(Doc::any(&mut rng)))),
            2 => changes.insert(0, Change::remove(Row::DOC.document())),
            _ => {}
        }
        let mut assignments = Vec::new();
        for change in changes {
            *model = (change.model)(model.take());
            assignments.push(change.assignment);
        }
        assert!(db.repository::<Row>().patch(id, assignments).await.unwrap());
    }
    compare(&stored(&db).await, &models);

    // By a predicate, several changes in one statement.
    let weight = Row::DOC.at(Doc::TAGGED).at(Tagged::WEIGHT);
    for _ in 0..20 {
        let changes = [Change::any(&mut rng), Change::any(&mut rng)];
        let least = small(&mut rng);
        let mut expected = 0;
        for model in &mut models {
            let at = model.as_ref().and_then(|doc| doc.pointer(&weight.pointer())?.as_i64());
            if at.is_some_and(|weight| weight >= least) {
                expected += 1;
                changes.iter().for_each(|change| *model = (change.model)(model.take()));
            }
        }
        let mut update = db.repository::<Row>().update_where(weight.ge(least));
        for change in changes {
            update = update.set(change.assignment);
        }
        assert_eq!(update.execute().await.unwrap(), expected);
    }
    compare(&stored(&db).await, &models);
}

#[pgrepo::test]
async fn changes_that_cannot_be_made_are_errors(db: Db) {
    let doc = filled(&db, 1, 1).await.remove(0);
    let value = Some(probe::json(&Doc { external: External::Nothing, ..doc.clone() }));
    let repository = || db.repository::<Row>();
    repository().patch(0, [Row::DOC.at(Doc::EXTERNAL).set(External::Nothing)]).await.unwrap();
    let at = Row::DOC;

    let through = repository().patch(0, [at.at(Doc::EXTERNAL).at(External::NAMED_FIRST_NAME).set("x")]).await;
    assert_eq!(through.unwrap_err().sqlstate().map(|s| s.as_str().to_owned()).as_deref(), Some("22023"));
    for by in [f64::NAN, f64::INFINITY] {
        let error = repository().patch(0, [at.at(Doc::SIZE).increment(by)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error:?}");
        assert!(format!("{error:?}").contains("only a number can be added to a number"), "{error:?}");
    }
    let error = repository().patch(0, [at.at(Doc::MARKS).index(0).increment(None)]).await.unwrap_err();
    assert!(format!("{error:?}").contains("only a number can be added"), "{error:?}");
    let error = repository().patch(0, [at.at(Doc::SETTINGS).merge([1])]).await.unwrap_err();
    assert!(format!("{error:?}").contains("only an object can be merged into an object"), "{error:?}");
    let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = repository().patch(0, [at.at(Doc::SETTINGS).merge(odd)]).await.unwrap_err();
    assert!(format!("{error:?}").contains("the value has no JSON form: key must be a string"), "{error:?}");
    compare(&stored(&db).await, &[value]);
    assert!(!repository().patch(9, [at.at(Doc::CITY).set("nobody")]).await.unwrap());
}
