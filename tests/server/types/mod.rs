//! Each type of the codec, a row in one table: struct → COPY → the server's own text → COPY out and SELECT → struct,
//! and a bound value → the server's text; alone, as NULL, and in arrays with NULL elements.

mod borrowed;
mod table;

use std::fmt::Debug;

use futures_util::TryStreamExt;
use pgrepo::{Db, Decode, Element, Encode, PgTable};

/// What one type is to do: its SQL type, and values with the text that the server makes of them.
struct Case<V> {
    sql: &'static str,
    values: Vec<(V, &'static str)>,
}

/// A value's type, in a column.
trait Cell: Encode + for<'r> Decode<'r> + Debug + Clone + Send + Sync {}

impl<V: Encode + for<'r> Decode<'r> + Debug + Clone + Send + Sync> Cell for V {}

#[derive(Debug, PgTable)]
#[pg(table = "one_case")]
struct Row<V> {
    id: i32,
    value: V,
}

/// Runs a case: each value alone, NULL, and all of them in one array with a NULL between.
async fn check<V>(db: &Db, case: Case<V>)
where
    V: Cell + Element + 'static,
{
    let Case { sql, values } = case;
    let alone: Vec<_> = values.iter().map(|(v, text)| (v.clone(), Some((*text).to_owned()))).collect();
    round(db, sql, &alone).await;
    let mut optional: Vec<_> = alone.iter().map(|(v, text)| (Some(v.clone()), text.clone())).collect();
    optional.push((None, None));
    round(db, sql, &optional).await;

    let mut items: Vec<Option<V>> = vec![None];
    items.extend(values.iter().map(|(v, _)| Some(v.clone())));
    let array = format!("{sql}[]");
    let elements = values.iter().map(|(_, text)| *text).collect::<Vec<_>>();
    let texts: Vec<Option<String>> =
        std::iter::once(None).chain(elements.iter().map(|t| Some((*t).to_owned()))).collect();
    // What the server prints of an array quotes its elements; asked for as texts they stand as they are.
    let printed: Vec<Option<String>> = bound(db, &array, &items, "::text[]").await;
    assert_eq!(printed, texts, "{array}");
    let whole: String = bound(db, &array, &items, "::text").await;
    round(db, &array, &[(items, Some(whole)), (Vec::new(), Some("{}".to_owned()))]).await;
    let plain: Vec<V> = values.into_iter().map(|(v, _)| v).collect();
    let whole: String = bound(db, &array, &plain, "::text").await;
    round(db, &array, &[(Some(plain), Some(whole)), (None, None)]).await;
}

/// What the server makes of a bound value.
async fn bound<V: Encode + Send + Sync + Debug, T: pgrepo::OwnedRow>(db: &Db, sql: &str, value: &V, cast: &str) -> T {
    let query = format!("SELECT $1::{sql}{cast}");
    db.query(&*query).bind(value).fetch_one().await.unwrap_or_else(|e| panic!("{sql}: {value:?}: {e:?}"))
}

/// Values in by COPY, compared as the server's text, and out again by COPY and by SELECT; and bound.
async fn round<V: Cell + 'static>(db: &Db, sql: &str, values: &[(V, Option<String>)]) {
    db.execute_script(&format!("DROP TABLE IF EXISTS one_case; CREATE TABLE one_case (id int4, value {sql})"))
        .await
        .unwrap();
    let table = db.repository::<Row<V>>();
    let sent = values.iter().zip(0..).map(|((value, _), id)| Row { id, value: value.clone() });
    table.copy_in(sent).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));

    let texts: Vec<Option<String>> =
        db.query("SELECT value::text FROM one_case ORDER BY id").fetch_all().await.unwrap();
    let expected: Vec<Option<String>> = values.iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(texts, expected, "{sql}: the server's text");

    // By their Debug, so that NaN equals itself and types without equality take part.
    let original: Vec<String> = values.iter().map(|(value, _)| format!("{value:?}")).collect();
    let mut copied: Vec<Row<V>> = table.copy_out().await.unwrap().try_collect().await.unwrap();
    copied.sort_by_key(|row| row.id);
    assert_eq!(copied.iter().map(|r| format!("{:?}", r.value)).collect::<Vec<_>>(), original, "{sql}: by COPY");
    let selected = table.all().order_by(Row::<V>::ID.asc()).fetch_all().await.unwrap();
    assert_eq!(selected.iter().map(|r| format!("{:?}", r.value)).collect::<Vec<_>>(), original, "{sql}: by SELECT");

    for (value, text) in values {
        assert_eq!(&bound::<_, Option<String>>(db, sql, value, "::text").await, text, "{sql}: bound");
    }
}
