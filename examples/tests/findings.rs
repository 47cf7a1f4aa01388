//! The analysis is real: it finds what was put in, what is known of the shipped series, and the
//! same in both languages.

#![allow(clippy::unwrap_used)]

use comity_examples::analysis::{analyse, look_again};
use comity_examples::protocol::{Month, Outlier, Point, Request};
use comity_examples::series;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn shipped() -> Request {
    series::read(Path::new(series::SHIPPED)).unwrap()
}

/// Ten years with a known trend and season, and a wobble in which nothing stands out.
fn made(spoil: impl Fn(usize, f64) -> f64) -> Request {
    let series = (0..120).map(|n: usize| {
        let season = (std::f64::consts::TAU * n as f64 / 12.0).cos() * 2.0;
        let wobble = if n % 2 == n / 12 % 2 { 0.5 } else { -0.5 };
        let value = 10.0 + 0.6 * n as f64 / 12.0 + season + wobble;
        Point {
            t: Month::parse(&format!("{}-{:02}", 2000 + n / 12, n % 12 + 1)).unwrap(),
            v: spoil(n, value),
        }
    });
    Request {
        name: "made".to_owned(),
        unit: "1".to_owned(),
        series: series.collect(),
    }
}

fn months(outliers: &[Outlier]) -> Vec<String> {
    outliers
        .iter()
        .map(|outlier| outlier.t.to_string())
        .collect()
}

#[test]
fn a_known_trend_and_season_are_found() {
    let found = analyse(&made(|_, v| v)).unwrap();
    assert_eq!(found.n, 120);
    // The season leans on the line a little: January stands at the top of each year.
    assert!((found.trend.per_year - 0.6).abs() < 0.03, "{found:?}");
    assert!(
        (found.seasonality.amplitude - 4.0).abs() < 0.05,
        "{found:?}"
    );
    assert_eq!(
        (found.seasonality.peak_month, found.seasonality.trough_month),
        (1, 7)
    );
    assert!(found.outliers.is_empty());
}

#[test]
fn a_value_that_was_spoiled_is_found_and_left_out_on_a_second_look() {
    let clean = analyse(&made(|_, v| v)).unwrap();
    let spoiled = made(|n, v| if n == 111 { v + 5.0 } else { v });
    let found = analyse(&spoiled).unwrap();
    assert_eq!(months(&found.outliers), ["2009-04"]);
    let again = look_again(&spoiled, &found).unwrap();
    let error = |trend: f64| (trend - clean.trend.per_year).abs();
    assert!(error(again.trend.per_year) < error(found.trend.per_year) / 4.0);
}

#[test]
fn the_outliers_of_the_shipped_series_are_the_two_great_el_ninos() {
    let found = analyse(&shipped()).unwrap();
    assert_eq!(found.n, 732);
    assert_eq!(
        (found.seasonality.peak_month, found.seasonality.trough_month),
        (3, 9)
    );
    let known =
        |t: &str| ("1982-09".."1983-10").contains(&t) || ("1997-05".."1998-07").contains(&t);
    let months = months(&found.outliers);
    assert_eq!(months.len(), 16);
    assert!(months.iter().all(|month| known(month)), "{months:?}");
}

#[test]
fn too_little_or_disordered_data_is_rejected() {
    let mut short = made(|_, v| v);
    short.series.truncate(23);
    let said = format!("{:?}", analyse(&short).unwrap_err());
    assert!(said.contains("e.p.msg.too-few-points"), "{said}");
    let mut disordered = made(|_, v| v);
    disordered.series.swap(3, 4);
    let said = format!("{:?}", analyse(&disordered).unwrap_err());
    assert!(said.contains("2000-04 comes after 2000-05"), "{said}");
}

#[test]
fn both_brunos_find_the_same() {
    let python = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/bruno.py"))
        .args(["--analyse", series::SHIPPED])
        .output()
        .expect("python3 is needed to compare the two");
    assert!(
        python.status.success(),
        "{}",
        String::from_utf8_lossy(&python.stderr)
    );
    let python: Value = serde_json::from_slice(&python.stdout).unwrap();
    let rust = serde_json::to_value(analyse(&shipped()).unwrap()).unwrap();
    assert_same(&rust, &python, "");
}

/// Equal, numbers within 1e-9.
fn assert_same(a: &Value, b: &Value, at: &str) {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            assert!((x - y).abs() <= 1e-9, "{at}: {x} and {y}");
        }
        (Value::Array(x), Value::Array(y)) => {
            assert_eq!(x.len(), y.len(), "{at}");
            for (n, (x, y)) in x.iter().zip(y).enumerate() {
                assert_same(x, y, &format!("{at}/{n}"));
            }
        }
        (Value::Object(x), Value::Object(y)) => {
            let names =
                |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(x), names(y), "{at}");
            for (name, x) in x {
                assert_same(x, &y[name], &format!("{at}/{name}"));
            }
        }
        _ => assert_eq!(a, b, "{at}"),
    }
}
