//! Each path leads to what serde_json finds, and each condition to the rows that it says, in random documents.

use pgrepo::{Db, JsonField, JsonPath};
use serde::Serialize;
use serde_json::{Value, json};

use super::documents::{
    Address, Adjacent, Clear, Doc, External, Geo, GeoInner, Internal, Pair, Row, Shape, Tagged, Untagged, UserId,
    filled,
};
use super::probe::{self, Probe};

const fn at<V>(field: JsonField<Doc, V>) -> JsonPath<Row, V> {
    Row::DOC.at(field)
}

/// The places of single values, and the statements that make their indexes.
fn leaves(docs: &[(Doc, Value)]) -> (Vec<Probe>, Vec<String>) {
    let (mut all, mut indexes) = (Vec::new(), Vec::new());
    macro_rules! leaf {
        ($path:expr, $of:expr) => {{
            all.push(Probe::new($path, docs, $of).ordered($path, docs, $of));
            indexes.push($path.index_ddl());
        }};
    }
    leaf!(at(Doc::FULL_NAME), |d| Some(d.full_name.clone()));
    leaf!(at(Doc::CITY), |d| Some(d.city.clone()));
    leaf!(at(Doc::NAMELESS), |d| Some(d.nameless));
    leaf!(at(Doc::SIZE), |d| Some(d.size));
    leaf!(at(Doc::NICK_NAME), |d| d.nick_name.clone().map(Some));
    leaf!(at(Doc::TYPE), |d| Some(d.r#type));
    leaf!(at(Doc::RATIO), |d| Some(d.ratio));
    leaf!(at(Doc::DAY), |d| Some(d.day));
    leaf!(at(Doc::AT_NOON), |d| Some(d.at_noon));
    leaf!(at(Doc::PRICE), |d| Some(d.price));
    leaf!(at(Doc::ID), |d| Some(d.id));
    leaf!(at(Doc::MARKS).index(0), |d| d.marks.first().copied());
    leaf!(at(Doc::SKILLS).index(1), |d| d.skills.get(1).cloned());
    leaf!(at(Doc::SETTINGS).key("0"), |d| d.settings.get("0").copied());
    leaf!(at(Doc::SETTINGS).key("o'clock"), |d| d.settings.get("o'clock").copied());
    leaf!(at(Doc::SETTINGS).key("\"q\""), |d| d.settings.get("\"q\"").copied());
    leaf!(at(Doc::SETTINGS).key("b\\c"), |d| d.settings.get("b\\c").copied());
    leaf!(at(Doc::SETTINGS).key("a/b~c"), |d| d.settings.get("a/b~c").copied());
    leaf!(at(Doc::SETTINGS).key("tab\t\u{1}"), |d| d.settings.get("tab\t\u{1}").copied());
    leaf!(at(Doc::PLACES).key("").at(Address::STREET), |d| d.places.get("").map(|a| a.street.clone()));
    leaf!(at(Doc::PLACES).key("ключ 🦀").at(Address::NUMBER), |d| d.places.get("ключ 🦀").map(|a| a.number));
    leaf!(at(Doc::HOMES).index(0).at(Address::STREET), |d| d.homes.first().map(|a| a.street.clone()));
    leaf!(at(Doc::HOMES.index(1).at(Address::NUMBER)), |d| d.homes.get(1).map(|a| a.number));
    leaf!(at(Doc::BOXED).at(Address::STREET), |d| d.boxed.as_ref().map(|a| a.street.clone()));
    leaf!(at(Doc::USER).at(UserId::INNER), |d| Some(d.user.0));
    leaf!(at(Doc::PAIR).at(Pair::FIELD_0), |d| Some(d.pair.0.clone()));
    leaf!(at(Doc::CLEAR).at(Clear::VALUE), |d| Some(d.clear.value));
    leaf!(at(Doc::EXTERNAL).at(External::ONE_VALUE), |d| match d.external {
        External::OneValue(value) => Some(value),
        _ => None,
    });
    leaf!(at(Doc::EXTERNAL).at(External::TWO_VALUES_0), |d| match &d.external {
        External::TwoValues(value, _) => Some(value.clone()),
        _ => None,
    });
    leaf!(at(Doc::EXTERNAL).at(External::TWO_VALUES_1), |d| match d.external {
        External::TwoValues(_, value) => Some(value),
        _ => None,
    });
    leaf!(at(Doc::EXTERNAL).at(External::NAMED_FIRST_NAME), |d| match &d.external {
        External::Named { first_name } => Some(first_name.clone()),
        _ => None,
    });
    leaf!(at(Doc::EXTERNAL).at(External::ALSO_NAMED_FIRST_NAME), |d| match &d.external {
        External::AlsoNamed { first_name } => Some(first_name.clone()),
        _ => None,
    });
    leaf!(at(Doc::INTERNAL).at(Internal::TAG), |d| Some(match d.internal {
        Internal::OnlyTag => "only_tag".to_owned(),
        Internal::HasAddress(_) => "has_address".to_owned(),
        Internal::HasFields { .. } => "has_fields".to_owned(),
    }));
    leaf!(at(Doc::INTERNAL).at(Internal::HAS_ADDRESS.at(Address::STREET)), |d| match &d.internal {
        Internal::HasAddress(address) => Some(address.street.clone()),
        _ => None,
    });
    leaf!(at(Doc::INTERNAL).at(Internal::HAS_FIELDS_COUNT), |d| match d.internal {
        Internal::HasFields { count } => Some(count),
        _ => None,
    });
    leaf!(at(Doc::ADJACENT).at(Adjacent::TAG), |d| d.adjacent.as_ref().map(|adjacent| match adjacent {
        Adjacent::Unit => "Unit".to_owned(),
        Adjacent::Newtype(_) => "Newtype".to_owned(),
        Adjacent::Tuple(..) => "Tuple".to_owned(),
        Adjacent::Struct { .. } => "Struct".to_owned(),
    }));
    leaf!(at(Doc::ADJACENT).at(Adjacent::TUPLE_0), |d| match d.adjacent {
        Some(Adjacent::Tuple(value, _)) => Some(value),
        _ => None,
    });
    leaf!(at(Doc::ADJACENT).at(Adjacent::TUPLE_1), |d| match d.adjacent {
        Some(Adjacent::Tuple(_, value)) => Some(value),
        _ => None,
    });
    leaf!(at(Doc::ADJACENT).at(Adjacent::STRUCT_KEY), |d| match &d.adjacent {
        Some(Adjacent::Struct { key }) => Some(key.clone()),
        _ => None,
    });
    leaf!(at(Doc::UNTAGGED).at(Untagged::NUMBER), |d| match d.untagged {
        Untagged::Number(value) => Some(value),
        _ => None,
    });
    leaf!(at(Doc::UNTAGGED).at(Untagged::OBJECT_WIDTH), |d| match d.untagged {
        Untagged::Object { width } => Some(width),
        _ => None,
    });
    leaf!(at(Doc::TAGGED).at(Tagged::TAG), |_| Some("the kind".to_owned()));
    leaf!(at(Doc::TAGGED).at(Tagged::WEIGHT), |d| Some(d.tagged.weight));
    leaf!(at(Doc::GEO.at(Geo::LAT_DEG)), |d| Some(d.geo.lat_deg));
    leaf!(at(Doc::GEO.within(Geo::INNER).at(GeoInner::ZONE)), |d| Some(d.geo.inner.zone.clone()));
    leaf!(at(Doc::SHAPE.at(Shape::CIRCLE_RADIUS_CM)), |d| match d.shape {
        Shape::Circle { radius_cm } => Some(radius_cm),
        Shape::Square(_) => None,
    });
    leaf!(at(Doc::SHAPE.at(Shape::SQUARE)).at(Address::STREET), |d| match &d.shape {
        Shape::Circle { .. } => None,
        Shape::Square(address) => Some(address.street.clone()),
    });
    let seen = at(Doc::SEEN);
    all.push(Probe::new(seen, docs, |d| Some(d.seen)).ordered(seen, docs, |d| Some(d.seen)));
    (all, indexes)
}

/// The places of objects and arrays, and of values that are compared as wholes.
fn wholes(docs: &[(Doc, Value)]) -> Vec<Probe> {
    fn some<V>(of: impl Fn(&Doc) -> V) -> impl Fn(&Doc) -> Option<V> {
        move |doc| Some(of(doc))
    }
    let probe = |path, of: fn(&Doc) -> Value| Probe::new(path, docs, some(of));
    fn erased<V: Serialize + Clone>(docs: &[(Doc, Value)], path: JsonPath<Row, V>, of: fn(&Doc) -> Option<V>) -> Probe {
        Probe::new(path, docs, of)
    }
    let words = ["", "a", "o'clock", "b\\c", "\"q\"", "none"].map(str::to_owned).to_vec();
    vec![
        Probe::new(Row::DOC.document(), docs, some(Doc::clone))
            .object(Row::DOC.document(), json!({"user": 3, "skills": ["a"]})),
        erased(docs, at(Doc::SKILLS), |d| Some(d.skills.clone())).array(at(Doc::SKILLS), words.clone()),
        erased(docs, at(Doc::MARKS), |d| Some(d.marks.clone())).array(at(Doc::MARKS), vec![None, Some(3), Some(99)]),
        erased(docs, at(Doc::SETTINGS), |d| Some(d.settings.clone())).map(at(Doc::SETTINGS)),
        erased(docs, at(Doc::PLACES), |d| Some(d.places.clone()))
            .map(at(Doc::PLACES))
            .object(at(Doc::PLACES), json!({"a": {"no.": null}})),
        erased(docs, at(Doc::HOMES), |d| Some(d.homes.clone())),
        erased(docs, at(Doc::HOMES).index(0), |d| d.homes.first().cloned())
            .object(at(Doc::HOMES).index(0), json!({"no.": null})),
        erased(docs, at(Doc::BOXED), |d| Some(d.boxed.clone())).object(at(Doc::BOXED), json!({"street": "a"})),
        erased(docs, at(Doc::USER), |d| Some(d.user.clone())),
        erased(docs, at(Doc::PAIR), |d| Some(d.pair.clone())).object(at(Doc::PAIR), json!(["a"])),
        erased(docs, at(Doc::PAIR).at(Pair::FIELD_2), |d| Some(d.pair.2.clone()))
            .array(at(Doc::PAIR).at(Pair::FIELD_2), vec![0, 5, 77]),
        erased(docs, at(Doc::CLEAR), |d| Some(d.clear.clone())),
        erased(docs, at(Doc::EXTERNAL), |d| Some(d.external.clone())),
        erased(docs, at(Doc::INTERNAL), |d| Some(d.internal.clone())),
        erased(docs, at(Doc::ADJACENT), |d| Some(d.adjacent.clone())),
        erased(docs, at(Doc::ADJACENT).at(Adjacent::NEWTYPE), |d| match &d.adjacent {
            Some(Adjacent::Newtype(all)) => Some(all.clone()),
            _ => None,
        })
        .array(at(Doc::ADJACENT).at(Adjacent::NEWTYPE), vec![0, 1, -1]),
        erased(docs, at(Doc::UNTAGGED), |d| Some(d.untagged.clone())),
        erased(docs, at(Doc::UNTAGGED).at(Untagged::WORDS), |d| match &d.untagged {
            Untagged::Words(all) => Some(all.clone()),
            _ => None,
        })
        .array(at(Doc::UNTAGGED).at(Untagged::WORDS), words),
        erased(docs, at(Doc::MORE.key("x0")), |d| d.more.get("x0").cloned()),
        probe(at(Doc::COLOUR), |d| format!("{:x}", d.colour).into()),
    ]
}

fn with_json(doc: Doc) -> (Doc, Value) {
    let value = probe::json(&doc);
    (doc, value)
}

#[pgrepo::test]
async fn random_documents_are_found_as_serde_json_finds_them(db: Db) {
    let docs: Vec<(Doc, Value)> = filled(&db, 0x5eed, 2_000).await.into_iter().map(with_json).collect();
    let (leaves, indexes) = leaves(&docs);
    let mut telling = 0;
    for probe in leaves.into_iter().chain(wholes(&docs)) {
        probe.leads(&db, &docs).await;
        telling += probe.asks(&db, &docs).await;
    }
    assert!(telling > 300, "{telling}");

    // Once more with every index that there may be.
    let gin = [Row::DOC.gin_index_ddl(), at(Doc::SETTINGS).key_index_ddl(), at(Doc::PLACES).key_index_ddl()];
    for ddl in indexes.into_iter().chain(gin) {
        db.query(&ddl).execute().await.unwrap();
    }
    db.execute_script("ANALYZE docs").await.unwrap();
    for probe in self::leaves(&docs).0.into_iter().chain(wholes(&docs)) {
        probe.asks(&db, &docs).await;
    }
}

#[pgrepo::test]
async fn documents_of_another_form_fail_neither_a_question_nor_an_index(db: Db) {
    let docs: Vec<(Doc, Value)> = filled(&db, 7, 500).await.into_iter().map(with_json).collect();
    let (leaves, indexes) = leaves(&docs);
    let keys = docs.iter().filter_map(|(_, doc)| doc.as_object()).flat_map(|doc| doc.keys().cloned());
    let keys: std::collections::BTreeSet<String> = keys.filter(|key| key != "seen").collect();
    let odd = [json!("text"), json!(true), json!(-1e300), json!([[1], "1.5e9"]), json!({"0": {}}), json!("1.5e999999")];
    let all = odd.iter().chain([&Value::Null]).map(|odd| {
        let members = keys.iter().map(|key| (key.clone(), odd.clone()));
        Value::Object(members.collect())
    });
    let mut all: Vec<Option<Value>> = all.map(Some).collect();
    all.extend(odd.into_iter().map(Some).chain([Some(Value::Null), None]));
    db.execute_script("TRUNCATE docs").await.unwrap();
    for (id, doc) in (0_i32..).zip(all) {
        db.query("INSERT INTO docs VALUES ($1, $2)").bind(id).bind(doc).execute().await.unwrap();
    }
    for ddl in indexes {
        db.query(&ddl).execute().await.unwrap();
    }
    for probe in leaves.into_iter().chain(wholes(&docs)) {
        probe.runs(&db).await;
    }
}
