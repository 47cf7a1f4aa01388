//! Trend, season and outliers of a monthly series.
//!
//! 1. *Trend*: the straight line with the least squares.
//! 2. *Season*: the mean of each calendar month of what remains without the trend.
//! 3. *Outliers*: what remains without trend and season, where its robust z-score
//!    0.6745 · (r − median) / MAD is beyond ±3.5 (Iglewicz and Hoaglin).
//!
//! `bruno.py` computes the same; a test compares the two.

use crate::protocol::{Findings, Outlier, Point, Request, Seasonality, Trend, Update};
use comity::Reply;

/// Analyses a series.
///
/// # Errors
/// The rejection to answer with, if there is too little to analyse or the months are out of order.
pub fn analyse(request: &Request) -> Result<Findings, Reply> {
    let series = checked(&request.series)?;
    let values: Vec<f64> = series.iter().map(|point| point.v).collect();
    let trend = trend(series);
    let detrended = without_trend(series, &trend);
    let by_month = monthly_means(series, &detrended);
    Ok(Findings {
        name: request.name.clone(),
        unit: request.unit.clone(),
        n: values.len(),
        mean: mean(&values),
        outliers: outliers(series, &detrended, &by_month),
        seasonality: seasonality(by_month),
        trend,
    })
}

/// The same trend without the outliers: what an analyst tells when he had time to look again.
/// `None` if there were none.
pub fn look_again(request: &Request, findings: &Findings) -> Option<Update> {
    let without: Vec<_> = findings.outliers.iter().map(|outlier| outlier.t).collect();
    let kept = request
        .series
        .iter()
        .filter(|point| !without.contains(&point.t));
    let kept: Vec<Point> = kept.cloned().collect();
    if without.is_empty() || kept.len() < LEAST_POINTS {
        return None;
    }
    let again = trend(&kept);
    let first = request.series.first()?.t;
    let since_first = years(first, kept.first()?);
    Some(Update {
        name: findings.name.clone(),
        unit: findings.unit.clone(),
        was: findings.trend,
        trend: Trend {
            at_start: again.at_start - again.per_year * since_first,
            ..again
        },
        why: format!("the trend without {} outliers", without.len()),
        without,
    })
}

fn checked(series: &[Point]) -> Result<&[Point], Reply> {
    if series.len() < LEAST_POINTS {
        return Err(Reply::reject(
            "e.p.msg.too-few-points",
            format!("{} points; two years of months are the least", series.len()),
        ));
    }
    match series.windows(2).find(|pair| pair[0].t >= pair[1].t) {
        None => Ok(series),
        Some(pair) => Err(Reply::reject(
            "e.p.msg.out-of-order",
            format!("{} comes after {}", pair[1].t, pair[0].t),
        )),
    }
}

fn trend(series: &[Point]) -> Trend {
    let Some(first) = series.first() else {
        return Trend {
            per_year: 0.0,
            at_start: 0.0,
        };
    };
    let x: Vec<f64> = series.iter().map(|point| years(first.t, point)).collect();
    let v: Vec<f64> = series.iter().map(|point| point.v).collect();
    let (x_mean, v_mean) = (mean(&x), mean(&v));
    let pairs = x.iter().zip(&v);
    let covariance: f64 = pairs.map(|(x, v)| (x - x_mean) * (v - v_mean)).sum();
    let variance: f64 = x.iter().map(|x| (x - x_mean) * (x - x_mean)).sum();
    let per_year = covariance / variance;
    Trend {
        per_year,
        at_start: v_mean - per_year * x_mean,
    }
}

fn without_trend(series: &[Point], trend: &Trend) -> Vec<f64> {
    let first = series[0].t;
    let line = |point| trend.at_start + trend.per_year * years(first, point);
    series.iter().map(|point| point.v - line(point)).collect()
}

fn monthly_means(series: &[Point], detrended: &[f64]) -> Vec<Option<f64>> {
    let month = |month: usize| {
        let points = series.iter().zip(detrended);
        let of_month = points.filter(|(point, _)| point.t.of_year() == month);
        let values: Vec<f64> = of_month.map(|(_, value)| *value).collect();
        (!values.is_empty()).then(|| mean(&values))
    };
    (0..12).map(month).collect()
}

fn seasonality(by_month: Vec<Option<f64>>) -> Seasonality {
    let known = || {
        (1..)
            .zip(&by_month)
            .filter_map(|(month, mean)| Some((month, (*mean)?)))
    };
    // The first of equals, in both languages.
    let peak = known().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let trough = known().reduce(|a, b| if b.1 < a.1 { b } else { a });
    let (peak, trough) = (peak.unwrap_or_default(), trough.unwrap_or_default());
    Seasonality {
        amplitude: peak.1 - trough.1,
        peak_month: peak.0,
        trough_month: trough.0,
        by_month,
    }
}

fn outliers(series: &[Point], detrended: &[f64], by_month: &[Option<f64>]) -> Vec<Outlier> {
    let season = |point: &Point| by_month[point.t.of_year()].unwrap_or_default();
    let points = series.iter().zip(detrended);
    let rest: Vec<f64> = points.map(|(point, value)| value - season(point)).collect();
    let middle = median(&rest);
    let deviations: Vec<f64> = rest.iter().map(|value| (value - middle).abs()).collect();
    let spread = median(&deviations);
    if spread == 0.0 {
        return Vec::new();
    }
    let scored = series.iter().zip(&rest);
    let scored = scored.map(|(point, value)| Outlier {
        t: point.t,
        v: point.v,
        z: 0.6745 * (value - middle) / spread,
    });
    scored.filter(|outlier| outlier.z.abs() > BEYOND).collect()
}

/// Years from a month to a point.
fn years(first: crate::protocol::Month, point: &Point) -> f64 {
    f64::from(point.t.number() - first.number()) / 12.0
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        (sorted[half - 1] + sorted[half]) / 2.0
    }
}

/// A season needs two years.
const LEAST_POINTS: usize = 24;
/// Robust z-scores beyond this are outliers.
const BEYOND: f64 = 3.5;
