use super::*;

/// The first two words of each statement.
fn beginnings(sql: &str) -> Vec<String> {
    statements(sql).iter().map(|s| s.words.iter().take(2).cloned().collect::<Vec<_>>().join(" ")).collect()
}

fn refusal(sql: &str, in_transaction: bool) -> String {
    let error = check(sql, in_transaction).expect_err(sql);
    assert_eq!(error.kind(), ErrorKind::Query, "{sql}");
    error.to_string()
}

#[test]
fn first_words_are_found_behind_comments_and_texts() {
    let sql =
        "/* BEGIN; /* x */ */ -- SET\n select 'a;b''c', E'\\';', \"x;y\", $$;SET$$, $t$;$$;$t$, $1; ;insert into t";
    assert_eq!(beginnings(sql), ["SELECT", "INSERT INTO"]);
    assert_eq!(beginnings("-- one\rBEGIN"), ["BEGIN"], "a comment also ends at a carriage return");
}

#[test]
fn what_is_not_ascii_is_part_of_a_word() {
    for c in ["—", "€", "🦀", "\u{a0}", "é"] {
        assert_eq!(beginnings(&format!("{c} set; set{c} x; {c}")), [format!("{c} SET"), format!("SET{c} X"), c.into()]);
        // Of a tag as well, so that the text behind it is one.
        assert_eq!(beginnings(&format!("select ${c}$;set$$;${c}$; table t")), ["SELECT", "TABLE T"]);
    }
    // A long s is no s.
    check("ſet x = 1", false).unwrap();
}

#[test]
fn any_text_is_read_to_its_end() {
    const PARTS: [&str; 32] = [
        "'",
        "\"",
        "$",
        "$$",
        "$t$",
        "$é$",
        "$1",
        "--",
        "/*",
        "*/",
        "\n",
        "\r",
        ";",
        "\\",
        "E'",
        "e",
        "—",
        "€",
        "🦀",
        "\u{a0}",
        "é",
        "BEGIN ATOMIC ",
        "CREATE FUNCTION ",
        " CASE ",
        " END ",
        ".",
        " AS ",
        "SET ",
        "LOCAL ",
        "x",
        "\0",
        "1",
    ];
    let (mut seed, mut texts) = (0x5eed_u64, 0);
    let mut next = move |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    let (done, waited) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..20_000 {
            let text: String = (0..next(24)).map(|_| PARTS[next(PARTS.len())]).collect();
            let _ = (check(&text, false), statements(&text));
            texts += 1;
        }
        done.send(texts).unwrap();
    });
    let read = waited.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(read, Ok(20_000), "a text is read without end, or panics");
}

#[test]
fn what_changes_the_session_is_refused_and_named() {
    for sql in ["SET search_path = x", "select 1; begin", " /* */ Listen x", "commit", "COPY t FROM STDIN"] {
        for in_transaction in [false, true] {
            refusal(sql, in_transaction);
        }
    }
    assert!(refusal("select 1; begin", false).contains("statement 2 begins with BEGIN"));
    for sql in ["select 'SET x'", "UPDATE t SET a = 1", "values (1)", "", "with begin as (select 1) table begin"] {
        check(sql, false).unwrap();
    }
}

#[test]
fn advice_names_what_there_is() {
    for sql in ["SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"] {
        assert!(
            refusal(sql, true).contains("use savepoint or begin_savepoint of the transaction; the raw connection"),
            "{sql}"
        );
    }
    for sql in ["PREPARE TRANSACTION 'a'", "COMMIT PREPARED 'a'", "ROLLBACK PREPARED 'a'"] {
        assert!(refusal(sql, false).contains(": two-phase commit is not offered"), "{sql}");
    }
    assert!(refusal("PREPARE a AS SELECT 1", false).contains("statements are prepared for you"));
}

#[test]
fn nul_is_refused_by_its_place() {
    assert!(refusal("select 1\0; begin", true).contains("NUL character at byte 8"));
}

#[test]
fn what_lasts_as_long_as_a_transaction_needs_one() {
    for sql in ["SET LOCAL x = 1", "set transaction read only", "SET CONSTRAINTS ALL DEFERRED;"] {
        assert!(refusal(sql, false).contains("outside of a transaction it does nothing"), "{sql}");
        check(sql, true).unwrap();
        // A script is one transaction.
        check(&format!("{sql}; SELECT 1"), false).unwrap();
    }
}

#[test]
fn what_stays_in_the_session_is_refused_unless_it_ends_with_the_transaction() {
    for sql in [
        "CREATE TEMP TABLE t (a int)",
        "create temporary table t as select 'ON COMMIT DROP'",
        "CREATE LOCAL TEMP TABLE t (a int) ON COMMIT DELETE ROWS",
        "CREATE GLOBAL TEMPORARY TABLE t (a int)",
        "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
        "CREATE TEMP SEQUENCE s",
    ] {
        for in_transaction in [false, true] {
            assert!(refusal(sql, in_transaction).contains("ON COMMIT DROP"), "{sql}");
        }
    }
    assert!(refusal("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", true).contains("WITH HOLD"));
    for sql in [
        "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
        "create local temporary table t on commit drop as select 1",
        "CREATE TABLE temp (a int)",
        "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1",
        "DECLARE c CURSOR FOR WITH hold AS (SELECT 1) TABLE hold",
    ] {
        check(sql, true).unwrap();
    }
}

#[test]
fn the_body_of_a_routine_belongs_to_it() {
    let sql = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n\
               SELECT CASE WHEN a > 0 THEN CASE a WHEN 1 THEN 2 END ELSE 3 END AS end;\n\
               SELECT t.case, 1 AS case FROM t; SELECT 4; END;\n\
               CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END; SELECT 1";
    assert_eq!(beginnings(sql), ["CREATE OR", "CREATE PROCEDURE", "SELECT"]);
    check(sql, false).unwrap();
    // Behind the body everything is looked at again.
    assert!(refusal(&format!("{sql}; BEGIN; SELECT 1; END"), false).contains("statement 4 begins with BEGIN"));
    assert!(refusal("CREATE TABLE t (a int); BEGIN ATOMIC; END", false).contains("statement 2 begins with BEGIN"));
}

#[test]
fn a_setting_that_outlives_its_transaction_is_refused() {
    for sql in [
        "SELECT set_config('search_path', $1, false)",
        "select pg_catalog.SET_CONFIG ('a.b', '(', /* true */ false) FROM t",
        "SELECT set_config('a.b', concat('x', ', true'), $1)",
        "WITH a AS (SELECT set_config('a.b', '1', true), set_config('a.b', '2', 'f')) TABLE a",
        "SELECT set_config(setting_name => 'a.b', new_value => 'true', is_local => false)",
        "SELECT set_config(is_local => false, setting_name => 'a.b', new_value => 'true')",
        "SELECT \"set_config\"('a.b', '1', false)",
        "SELECT pg_catalog.\"set_config\" ('a.b', '1', $1)",
        "SELECT set_config /* ( */ -- (\n ('a.b', '1', false)",
        "SELECT set_config('a.b', '1', true",
        "INSERT INTO t SELECT 1; SELECT set_config('a.b', '1', true); SELECT set_config('a.b', '1', off())",
    ] {
        for in_transaction in [false, true] {
            let told = refusal(sql, in_transaction);
            assert!(told.contains(" calls set_config: unless its last argument is the literal true, it"), "{told}");
        }
    }
    for sql in [
        "SELECT set_config('app.tenant', $1, true)",
        "SELECT pg_catalog.set_config('a.b', f(1, ')'), TRUE ), current_setting('a.b', false)",
        "SELECT set_config(setting_name => 'a.b', new_value => '1', is_local => true)",
        "SELECT 'set_config(1, 2, false)', reset_config('a', 'b', false), set_config_of(1)",
        "SELECT set_config FROM settings",
        "SELECT \"set_config\"('a.b', '1', true), \"Set_Config\"(1, 2, 3), \"x\"\"set_config\"(1, false)",
        "SELECT \"set_config\" /* as a column */ FROM settings",
        "CREATE FUNCTION f() RETURNS text BEGIN ATOMIC SELECT set_config('a.b', '1', false); END",
    ] {
        check(sql, true).expect(sql);
    }
}
