//! Files as sellers send them: exported by spreadsheets, edited by hand, cut off, in chunks of any size.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;

use bytes::Bytes;
use exchange::{Limits, Outcome, Record, RowPosition, csv, ndjson};
use futures::executor::block_on;
use futures::{Stream, StreamExt as _, stream};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Outcomes<T> = Vec<Outcome<T>>;

/// Chunks of the given size, an empty one between each, as a network may bring them.
fn chunks(file: &[u8], size: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let parts: Vec<_> =
        file.chunks(size).flat_map(|part| [Ok(Bytes::copy_from_slice(part)), Ok(Bytes::new())]).collect();
    stream::iter(parts)
}

/// Reads the file whole and in chunks of several sizes: all must say the same.
fn in_every_way<T: PartialEq + std::fmt::Debug>(
    file: &[u8],
    read: impl Fn(&[u8], usize) -> Outcomes<T>,
) -> Outcomes<T> {
    let whole = read(file, file.len().max(1));
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(read(file, size), whole, "chunks of {size}");
    }
    whole
}

fn csv_of<T: DeserializeOwned + PartialEq + std::fmt::Debug>(file: impl AsRef<[u8]>) -> Outcomes<T> {
    in_every_way(file.as_ref(), |file, size| block_on(csv(chunks(file, size), Limits::default()).collect()))
}

fn ndjson_of<T: DeserializeOwned + PartialEq + std::fmt::Debug>(file: impl AsRef<[u8]>) -> Outcomes<T> {
    in_every_way(file.as_ref(), |file, size| block_on(ndjson(chunks(file, size), Limits::default()).collect()))
}

fn record(cells: &[(&str, &str)]) -> Record {
    cells.iter().map(|(column, text)| ((*column).to_owned(), (*text).to_owned())).collect()
}

/// What was said, in short: "2: …" for a row on line 2, the error's words otherwise.
fn told<T: std::fmt::Debug>(outcomes: &Outcomes<T>) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok((position, row)) => format!("{}: {row:?}", position.line),
            Err(error) => error.to_string(),
        })
        .collect()
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stock {
    sku: String,
    on_hand: i64,
    note: Option<String>,
}

mod csv_files {
    use super::*;

    #[test]
    fn a_spreadsheets_export_is_read_as_it_is() {
        let file = "\u{feff}sku,title,note\r\nA-1,\"Lamp, \"\"Aurora\"\"\",\"two\r\nlines\"\r\n\r\nA-2,Đèn bàn,\r\n";
        assert_eq!(
            csv_of::<Record>(file),
            [
                Ok((
                    RowPosition { line: 2 },
                    record(&[("sku", "A-1"), ("title", "Lamp, \"Aurora\""), ("note", "two\r\nlines")])
                )),
                Ok((RowPosition { line: 5 }, record(&[("sku", "A-2"), ("title", "Đèn bàn"), ("note", "")]))),
            ]
        );
    }

    #[test]
    fn the_position_is_the_line_on_which_the_row_begins() {
        for line_end in ["\n", "\r\n", "\r"] {
            let file = ["sku,title", "A-1,\"a\nb\"", "", "A-2,x", "A-3,\"y\""].join(line_end);
            let lines: Vec<_> = csv_of::<Record>(&file).iter().map(|row| row.as_ref().unwrap().0.line).collect();
            assert_eq!(lines, [2, 5, 6], "{line_end:?}");
        }
    }

    #[test]
    fn a_header_with_a_quoted_first_name_may_follow_a_byte_order_mark() {
        let rows = csv_of::<Record>("\u{feff}\"s,ku\", title \nA,B");
        assert_eq!(rows[0].as_ref().unwrap().1, record(&[("s,ku", "A"), ("title", "B")]));
    }

    #[test]
    fn a_wrong_row_is_reported_and_the_others_are_read() {
        let file = "sku,on_hand,note\nA,1,\nB,many,x\nC,3\nD,4,x,y\nE,\"5\"6,x\nF,6,a \"quoted\" word\n";
        assert_eq!(
            told(&csv_of::<Stock>(file)),
            [
                "2: Stock { sku: \"A\", on_hand: 1, note: None }",
                "line 3, column on_hand: is not a whole number",
                "line 4: has 2 fields, but the header names 3",
                "line 5: has 4 fields, but the header names 3",
                "line 6, column on_hand: has text behind the closing quote; write a quote inside a quoted field twice",
                "7: Stock { sku: \"F\", on_hand: 6, note: Some(\"a \\\"quoted\\\" word\") }",
            ]
        );
    }

    #[test]
    fn a_column_that_the_type_has_not_or_lacks_is_named() {
        assert_eq!(
            csv_of::<Stock>("sku,on_hand,colour\nA,1,red\n")[0].as_ref().unwrap_err().column.as_deref(),
            Some("colour")
        );
        assert_eq!(csv_of::<Stock>("sku\nA\n")[0].as_ref().unwrap_err().column.as_deref(), Some("on_hand"));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_reported_with_their_column() {
        let outcomes = csv_of::<Record>(b"sku,title\nA,caf\xe9\nB,tea\n");
        assert_eq!(
            outcomes[0].as_ref().unwrap_err().to_string(),
            "line 2, column title: is not UTF-8; save the file as UTF-8"
        );
        assert_eq!(outcomes[1].as_ref().unwrap().0.line, 3);
    }

    #[test]
    fn a_header_that_names_no_columns_to_go_by_ends_the_file() {
        for (file, reason) in [
            ("", "line 1: the file is empty; its first line must name the columns"),
            ("\r\n\r\n", "line 1: the file is empty; its first line must name the columns"),
            ("\u{feff}", "line 1: the file is empty; its first line must name the columns"),
            ("\u{feff}\nA\n", "line 1: the file is empty; its first line must name the columns"),
            ("sku,,title\nA,B,C\n", "line 1: the header's column 2 has no name"),
            ("\nsku,title, sku\nA,B,C\n", "line 2, column sku: stands twice in the header"),
            (
                "\"sku\"x,title\nA,B\n",
                "line 1: has text behind the closing quote; write a quote inside a quoted field twice",
            ),
            (
                "\"sku,title\nA,B\n",
                "line 1: the quote that opens on line 1 is never closed; nothing behind it could be read",
            ),
        ] {
            let outcomes = csv_of::<Record>(file);
            assert_eq!(told(&outcomes), [reason], "{file:?}");
            assert!(outcomes[0].as_ref().unwrap_err().ends_file, "{file:?}");
        }
    }

    #[test]
    fn a_header_alone_is_a_file_without_rows() {
        assert_eq!(csv_of::<Record>("sku,title"), []);
        assert_eq!(csv_of::<Record>("sku,title\r\n\r\n"), []);
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_file_and_says_where_it_opened() {
        let expected =
            "line 3, column title: the quote that opens on line 4 is never closed; nothing behind it could be read";
        let short = "sku,title,note\nA,B,C\n\"x\ny\",\"open,C\nD,E,F\n";
        let endless = format!("{short}{}", "G,H,I\n".repeat(400_000));
        assert_eq!(told(&csv_of::<Record>(short))[1..], [expected]);
        let outcomes: Outcomes<Record> = block_on(csv(chunks(endless.as_bytes(), 8_192), Limits::default()).collect());
        assert_eq!(told(&outcomes)[1..], [expected]);
        assert!(outcomes[1].as_ref().unwrap_err().ends_file);
    }

    #[test]
    fn a_quote_that_closes_too_late_says_how_far_the_row_went() {
        let outcomes = csv_of::<Record>("sku,title\nA,\"open\nB,C\nD,\"E\"\nF,G\n");
        assert_eq!(
            told(&outcomes),
            [
                "line 2, column title: has text behind the closing quote; write a quote inside a quoted field twice (this row goes on to line 4)",
                "5: {\"sku\": \"F\", \"title\": \"G\"}",
            ]
        );
    }

    #[test]
    fn a_row_that_is_too_long_is_reported_and_the_next_is_read() {
        let long = "x".repeat(70_000);
        for row in [format!("A,{long}"), format!("A,\"{long}\n{long}\""), format!("A,\"{long}\",x")] {
            let file = format!("sku,title\n{row}\r\nB,C\n");
            let outcomes: Outcomes<Record> = block_on(csv(chunks(file.as_bytes(), 1_000), Limits::default()).collect());
            assert_eq!(told(&outcomes)[0], "line 2: is longer than 65536 bytes");
            assert_eq!(outcomes[1].as_ref().unwrap().1, record(&[("sku", "B"), ("title", "C")]));
            assert_eq!(outcomes.len(), 2);
        }
    }

    #[test]
    fn fields_without_end_are_refused() {
        let commas = ",".repeat(300);
        let outcomes = csv_of::<Record>(format!("sku,title\n{commas}\nB,C\n"));
        assert_eq!(told(&outcomes)[0], "line 2: has more than 256 fields");
        assert!(outcomes[1].is_ok());
        let header = (0..257).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        assert!(csv_of::<Record>(format!("{header}\n"))[0].as_ref().unwrap_err().ends_file);
        let widest = (0..256).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(csv_of::<Record>(format!("{widest}\n{widest}\n"))[0].as_ref().unwrap().1.len(), 256);
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[ a-z\",\r\n\u{e9}\u{1F4A1}]{0,12}", 3), 0..8),
            windows: bool,
            always_quote: bool,
            size in 1_usize..40,
        ) {
            let mut writer = ::csv::WriterBuilder::new();
            if windows {
                writer.terminator(::csv::Terminator::CRLF);
            }
            if always_quote {
                writer.quote_style(::csv::QuoteStyle::Always);
            }
            let mut writer = writer.from_writer(Vec::new());
            writer.write_record(["one", "two", "three"]).unwrap();
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let file = writer.into_inner().unwrap();
            let read: Outcomes<Record> = block_on(csv(chunks(&file, size), Limits::default()).collect());
            let read: Vec<Record> = read.into_iter().map(|row| row.unwrap().1).collect();
            let written: Vec<Record> =
                rows.iter().map(|row| record(&[("one", &row[0]), ("two", &row[1]), ("three", &row[2])])).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn any_bytes_are_read_to_the_same_end_however_they_are_cut(
            file in "[ab\",\r\n\u{feff}]{0,60}",
            size in 1_usize..10,
        ) {
            let read = |size| -> Outcomes<Record> { block_on(csv(chunks(file.as_bytes(), size), Limits::default()).collect()) };
            let whole = read(1_000);
            prop_assert_eq!(read(size), whole.clone());
            let lines: Vec<_> = whole.iter().map(|row| row.as_ref().map_or_else(|error| error.line, |(at, _)| at.line)).collect();
            prop_assert!(lines.is_sorted());
        }
    }
}

mod ndjson_files {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Product {
        title: String,
        variants: Vec<Stock>,
    }

    #[test]
    fn lines_are_read_with_their_positions() {
        let file = "\u{feff}{\"a\":1}\r\n\r\n  {\"a\":2}  \n[3]";
        assert_eq!(
            ndjson_of::<Value>(file),
            [
                Ok((RowPosition { line: 1 }, serde_json::json!({"a": 1}))),
                Ok((RowPosition { line: 3 }, serde_json::json!({"a": 2}))),
                Ok((RowPosition { line: 4 }, serde_json::json!([3]))),
            ]
        );
        assert_eq!(ndjson_of::<Value>(""), []);
        assert_eq!(ndjson_of::<Value>("\n \n\r\n"), []);
    }

    #[test]
    fn a_wrong_row_is_reported_with_its_path_and_the_others_are_read() {
        let file = [
            r#"{"title":"Lamp","variants":[]}"#,
            r#"{"title":"Lamp","variants":[{"sku":"A","on_hand":1},{"sku":"B","on_hand":"2"}]}"#,
            r#"{"title":"Lamp","variants":[{"sku":"A"}]}"#,
            r#"{"title":"Lamp"}"#,
            r#"{"title":"Lamp","variants":[],"colour":"red"}"#,
            r#"{"title":"Lamp","variants":[]"#,
            r#"{"title":"Lamp","variants":[]} {"title":"second"}"#,
            r#"title: Lamp"#,
            r#"{"title":"Lamp","variants":[{"sku":"C","on_hand":3}]}"#,
        ]
        .join("\n");
        assert_eq!(
            told(&ndjson_of::<Product>(&file)),
            [
                "1: Product { title: \"Lamp\", variants: [] }",
                "line 2, column variants[1].on_hand: invalid type: string \"2\", expected i64",
                "line 3, column variants[0].on_hand: missing field `on_hand`",
                "line 4, column variants: missing field `variants`",
                "line 5, column colour: unknown field `colour`, expected `title` or `variants`",
                "line 6: is not JSON: EOF while parsing an object at character 29",
                "line 7: is not JSON: trailing characters at character 32",
                "line 8: is not JSON: expected ident at character 2",
                "9: Product { title: \"Lamp\", variants: [Stock { sku: \"C\", on_hand: 3, note: None }] }",
            ]
        );
    }

    #[test]
    fn a_list_where_an_object_is_meant_is_refused_with_its_path() {
        let file = "[\"Lamp\",[]]\n\
                    {\"title\":\"Lamp\",\"variants\":[[\"A\",1,null]]}\n\
                    {\"title\":\"Lamp\",\"variants\":[{\"sku\":\"A\",\"on_hand\":1}]}\n";
        assert_eq!(
            told(&ndjson_of::<Product>(file)),
            [
                "line 1: invalid type: sequence, expected an object",
                "line 2, column variants[0]: invalid type: sequence, expected an object",
                "3: Product { title: \"Lamp\", variants: [Stock { sku: \"A\", on_hand: 1, note: None }] }",
            ]
        );
    }

    #[test]
    fn bytes_that_are_no_text_and_nesting_without_end_are_reported() {
        let mut file = b"\"caf\xe9\"\n".to_vec();
        file.extend("[".repeat(60_000).bytes());
        file.extend(b"\n1\n");
        let outcomes: Outcomes<Value> = block_on(ndjson(chunks(&file, 4_096), Limits::default()).collect());
        assert!(outcomes[0].as_ref().unwrap_err().reason.starts_with("is not JSON"), "{:?}", outcomes[0]);
        assert!(
            outcomes[1].as_ref().unwrap_err().reason.starts_with("is not JSON: recursion limit exceeded"),
            "{:?}",
            outcomes[1]
        );
        assert_eq!(outcomes[2].as_ref().unwrap().0.line, 3);
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_and_the_next_is_read() {
        let file = format!("\"{}\"\n\"short\"\n\"{}\"", "x".repeat(65_534), "x".repeat(65_535));
        let outcomes: Outcomes<String> = block_on(ndjson(chunks(file.as_bytes(), 1_000), Limits::default()).collect());
        assert_eq!(outcomes[0].as_ref().unwrap().1.len(), 65_534);
        assert_eq!(outcomes[1].as_ref().unwrap().1, "short");
        assert_eq!(outcomes[2].as_ref().unwrap_err().to_string(), "line 3: is longer than 65536 bytes");
        assert!(!outcomes[2].as_ref().unwrap_err().ends_file);
    }

    proptest! {
        #[test]
        fn any_lines_are_read_to_the_same_end_however_they_are_cut(file in "[0-9\"{}\\[\\],: \r\n]{0,60}", size in 1_usize..10) {
            let read = |size| -> Outcomes<Value> { block_on(ndjson(chunks(file.as_bytes(), size), Limits::default()).collect()) };
            prop_assert_eq!(read(size), read(1_000));
        }
    }
}

mod sources {
    use super::*;

    #[test]
    fn a_source_that_breaks_off_ends_the_file_behind_the_rows_that_came() {
        let source = stream::iter([
            Ok(Bytes::from_static(b"sku\nA\nB")),
            Err(std::io::Error::other("connection reset")),
            Ok(Bytes::from_static(b"\nC\n")),
        ]);
        let outcomes: Outcomes<Record> = block_on(csv(source, Limits::default()).collect());
        assert_eq!(outcomes.len(), 2);
        let error = outcomes[1].as_ref().unwrap_err();
        assert_eq!(error.to_string(), "line 3: the file broke off here: connection reset");
        assert!(error.ends_file);
    }

    #[tokio::test]
    async fn a_reader_is_a_source_too() {
        let reader: &[u8] = b"{\"sku\":\"A\"}\n{\"sku\":\"B\"}\n";
        let source = tokio_util::io::ReaderStream::with_capacity(reader, 5);
        let mut rows = pin!(ndjson::<BTreeMap<String, String>, _, _>(source, Limits::default()));
        let mut skus = Vec::new();
        while let Some(row) = rows.next().await {
            skus.push(row.unwrap().1["sku"].clone());
        }
        assert_eq!(skus, ["A", "B"]);
        assert!(rows.next().await.is_none());
    }
}
