use pgrepo::{Db, ErrorKind, PageToken, PgTable};
use proptest::prelude::*;

use super::{Stay, size, stays};

#[derive(Debug, PgTable)]
#[pg(table = "others")]
struct Other {
    #[pg(primary_key)]
    org: i32,
    #[pg(primary_key)]
    code: String,
}

fn said(text: &str) -> (ErrorKind, String) {
    let error = text.parse::<PageToken<Stay>>().unwrap_err();
    (error.kind(), error.to_string())
}

const ALTERED: &str = "table odd \"stays\": the text is no page token, or was cut or altered";

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A token's bytes without their checksum.
fn opened(token: &PageToken<Stay>) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (i, digit) in token.to_string().bytes().enumerate() {
        let value = DIGITS.iter().position(|d| *d == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        if i % 4 > 0 {
            bytes.push((bits >> (6 - 2 * (i % 4))).to_be_bytes()[3]);
        }
    }
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// The text of bytes with the checksum that they should have: what somebody can make up who has read how it is made.
fn forged(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    let bytes = [bytes, &sum.to_be_bytes()].concat();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = [chunk, &[0, 0]].concat();
        let bits = u32::from_be_bytes([0, bits[0], bits[1], bits[2]]);
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap()]));
        }
    }
    text
}

#[pgrepo::test]
async fn a_token_that_was_cut_or_altered_is_refused(db: Db) {
    stays(&db).await;
    let pages = db.repository::<Stay>().all().order_by(Stay::CITY.desc()).pages(size(3));
    let token = pages.fetch_page().await.unwrap().next.unwrap();
    let text = token.to_string();
    assert!(text.bytes().all(|b| DIGITS.contains(&b)), "{text}");
    assert_eq!(format!("{token:?}"), "PageToken { values: 3, .. }");
    assert_eq!(forged(&opened(&token)), text);
    for end in 0..text.len() {
        assert_eq!(said(&text[..end]), (ErrorKind::Token, ALTERED.to_owned()), "{end}");
    }
    for at in 0..text.len() {
        for digit in ["A", "_", "=", "+", "é", "\0"] {
            let other = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            if other != text {
                assert_eq!(said(&other), (ErrorKind::Token, ALTERED.to_owned()), "{other}");
            }
        }
    }
}

#[pgrepo::test]
async fn a_token_of_something_else_says_of_what(db: Db) {
    stays(&db).await;
    db.execute_script(
        r#"CREATE TABLE others (org int4, code text, PRIMARY KEY (org, code));
        INSERT INTO others SELECT i, 'a' FROM generate_series(1, 5) i;
        CREATE SCHEMA t1; CREATE TABLE t1."odd ""stays""" (LIKE public."odd ""stays""" INCLUDING ALL)"#,
    )
    .await
    .unwrap();
    let other = db.repository::<Other>().all().pages(size(2)).fetch_page().await.unwrap().next.unwrap();
    let message = "table odd \"stays\": the page token is of another table";
    assert_eq!(said(&other.to_string()), (ErrorKind::Token, message.to_owned()));

    let stays = db.repository::<Stay>();
    let by_stars = |desc| match desc {
        true => stays.all().order_by(Stay::STARS.desc()).pages(size(2)),
        false => stays.all().order_by(Stay::STARS.asc()).pages(size(2)),
    };
    let token = by_stars(true).fetch_page().await.unwrap().next.unwrap();
    let error = by_stars(false).after(Some(token.clone())).fetch_page().await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "Token: fetch_page, table odd \"stays\": the page token is of another order: a token goes on with the order that it \
         was made by"
    );
    assert_eq!(by_stars(false).after(Some(token.clone())).sql().unwrap_err().kind(), ErrorKind::Token);
    assert!(by_stars(true).after(Some(token.clone())).sql().is_ok());

    let tenant = stays.in_schema("t1").all().order_by(Stay::STARS.desc()).pages(size(2));
    let error = tenant.after(Some(token)).fetch_page().await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "Token: fetch_page, table t1.odd \"stays\": the page token is of another schema: take one that this schema's pages \
         gave"
    );
    db.query(r#"INSERT INTO t1."odd ""stays""" SELECT * FROM public."odd ""stays""""#).execute().await.unwrap();
    let tenant = || stays.in_schema("t1").all().pages(size(20));
    let next = tenant().fetch_page().await.unwrap().next.unwrap();
    assert_eq!(tenant().after(Some(next)).fetch_page().await.unwrap().rows.len(), 3);
}

#[pgrepo::test]
async fn values_are_read_before_they_are_bound(db: Db) {
    stays(&db).await;
    let pages = || db.repository::<Stay>().all().pages(size(2));
    let bytes = opened(&pages().fetch_page().await.unwrap().next.unwrap());
    // The key's first column is the int4 of 4 bytes behind its type's name, and the text stands behind it.
    let at = bytes.windows(5).position(|w| w == b"int4\0").unwrap() + 5;
    let with = |number: &[u8], text: &[u8]| {
        let mut forged_bytes = bytes[..at].to_vec();
        for (field, behind) in [(number, &b"text\0"[..]), (text, &b""[..])] {
            forged_bytes.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
            forged_bytes.extend_from_slice(field);
            forged_bytes.extend_from_slice(behind);
        }
        forged(&forged_bytes)
    };
    let honest = pages().after(Some(with(&1_i32.to_be_bytes(), b"c4").parse().unwrap())).fetch_page().await.unwrap();
    assert_eq!(honest.rows.first().map(|stay| stay.code.as_str()), Some("c7"));
    let hostile = pages().after(Some(with(&[0; 4], b"' OR true; --").parse().unwrap())).fetch_page().await.unwrap();
    assert_eq!(hostile.rows.len(), 2);
    for (text, column) in [(with(&[1, 2, 3], b"c4"), "org"), (with(&[0; 4], b"\xff"), "code")] {
        let error = pages().after(Some(text.parse().unwrap())).fetch_page().await.unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Token, Some(column)), "{error:?}");
        assert!(error.sqlstate().is_none(), "nothing was sent: {error:?}");
    }
    // Another type, and values of a column that was changed meanwhile.
    let renamed = [&bytes[..at - 5], b"int8\0", &8_u32.to_be_bytes(), &[0; 8], b"text\0\0\0\0\0"].concat();
    let error = pages().after(Some(forged(&renamed).parse().unwrap())).fetch_page().await.unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Mismatch, Some("org")), "{error:?}");
    let fewer = pages().after(Some(forged(&bytes[..at - 5]).parse().unwrap())).fetch_page().await.unwrap_err();
    assert_eq!(fewer.kind(), ErrorKind::Token, "{fewer:?}");
}

#[derive(Debug, PgTable)]
#[pg(table = "numbers")]
struct Number {
    #[pg(primary_key)]
    id: i64,
}

#[derive(Debug, PgTable)]
#[pg(table = "numbers")]
struct Wide {
    #[pg(primary_key)]
    id: f64,
}

#[pgrepo::test]
async fn a_token_of_a_column_that_changed_its_type_is_refused(db: Db) {
    db.execute_script("CREATE TABLE numbers (id int8 PRIMARY KEY); INSERT INTO numbers SELECT generate_series(1, 9)")
        .await
        .unwrap();
    let pages = || db.repository::<Number>().all().pages(size(2));
    let first = pages().fetch_page().await.unwrap().next;
    let second = pages().after(first.clone()).fetch_page().await.unwrap();
    assert_eq!(second.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [3, 4]);
    db.execute_script("ALTER TABLE numbers ALTER id TYPE float8").await.unwrap();
    // Both types have 8 bytes; the connection has prepared both statements before.
    let error = pages().after(first.clone()).fetch_page().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
    let text = first.unwrap().to_string();
    let wide: PageToken<Wide> = text.parse().unwrap();
    let error = db.repository::<Wide>().all().pages(size(2)).after(Some(wide)).fetch_page().await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "Mismatch: fetch_page, table numbers, field `id`, column \"id\": the page token holds a value of the type int8, and the column \
         is float8 now"
    );
}

proptest! {
    #[test]
    fn random_text_is_no_token(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(said(&text).0, ErrorKind::Token);
        // With a right checksum it is of another version or table, or has no form.
        prop_assert_eq!(said(&forged(&bytes)).0, ErrorKind::Token);
    }
}

#[pgrepo::test]
async fn random_values_fail_without_harm(db: Db) {
    stays(&db).await;
    let pages =
        || db.repository::<Stay>().all().order_by(Stay::SINCE.asc()).order_by(Stay::PRICE.desc()).pages(size(2));
    let bytes = opened(&pages().fetch_page().await.unwrap().next.unwrap());
    let mut rng = crate::support::Rng(7);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..400 {
        let mut other = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = 13 + rng.below(other.len() - 13);
            other[at] = rng.next().to_be_bytes()[0];
        }
        let Ok(token) = forged(&other).parse::<PageToken<Stay>>() else {
            refused += 1;
            continue;
        };
        match pages().after(Some(token)).fetch_page().await {
            Ok(_) => read += 1,
            Err(error) => {
                // A timestamp may be one that the server alone finds out of its range.
                let past = error.sqlstate().is_some_and(|state| state.as_str() == "22008");
                assert!(past || matches!(error.kind(), ErrorKind::Token | ErrorKind::Mismatch), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(read > 20 && refused > 20, "{read} were read and {refused} refused");
}
