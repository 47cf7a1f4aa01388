//! `https://example.org/market-analysis/1.0`: a request with a monthly series, a response with what
//! is in it, and an update when the analyst has found something better since.

use serde::{Deserialize, Serialize};

/// Type of a [`Request`].
pub const REQUEST: &str = "https://example.org/market-analysis/1.0/request";
/// Type of a [`Findings`].
pub const RESPONSE: &str = "https://example.org/market-analysis/1.0/response";
/// Type of an [`Update`].
pub const UPDATE: &str = "https://example.org/market-analysis/1.0/update";

/// Please analyse this series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What it is a series of.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// Its points, in order, at most one a month; months may be missing.
    pub series: Vec<Point>,
}

/// The value of one month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The month, as `1997-12`.
    pub t: Month,
    /// The value.
    pub v: f64,
}

/// What is in a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// What it is a series of.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// How many points.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Where it goes.
    pub trend: Trend,
    /// What comes back every year.
    pub seasonality: Seasonality,
    /// What neither trend nor season explains, in order.
    pub outliers: Vec<Outlier>,
}

/// A straight line through the series, by least squares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// By how much it rises in a year.
    pub per_year: f64,
    /// Where it stands in the first month.
    pub at_start: f64,
}

/// The mean of each calendar month, without the trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seasonality {
    /// From the lowest month to the highest.
    pub amplitude: f64,
    /// The highest month, 1 to 12.
    pub peak_month: u32,
    /// The lowest month, 1 to 12.
    pub trough_month: u32,
    /// January to December; none for a month without points.
    pub by_month: Vec<Option<f64>>,
}

/// A point that neither trend nor season explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// Its month.
    pub t: Month,
    /// Its value.
    pub v: f64,
    /// Its robust z-score.
    pub z: f64,
}

/// A finding that was told is better told differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// What it is a series of.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// The trend as it was told.
    pub was: Trend,
    /// The trend now.
    pub trend: Trend,
    /// The months left out for it.
    pub without: Vec<Month>,
    /// In words.
    pub why: String,
}

/// A month of the common era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u32,
    /// 0 to 11.
    month: u32,
}

impl Month {
    /// Reads `1997-12`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
        if !(digits(year) && digits(month) && year.len() == 4 && month.len() == 2) {
            return None;
        }
        let month: u32 = month.parse().ok()?;
        (1..=12).contains(&month).then_some(Self {
            year: year.parse().ok()?,
            month: month - 1,
        })
    }

    /// Its year.
    pub const fn year(self) -> u32 {
        self.year
    }

    /// Months since January of the year 0.
    pub const fn number(self) -> u32 {
        self.year * 12 + self.month
    }

    /// 0 for January, 11 for December.
    pub const fn of_year(self) -> usize {
        self.month as usize
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month + 1)
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a month such as \"1997-12\""))
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}
