//! QR codes, for a terminal and as a file.

use qrcode::render::unicode::Dense1x2;
use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around a code (ISO/IEC 18004 §"Quiet zone").
const QUIET: usize = 4;
/// Pixels of a module's side in a file.
const PIXELS: usize = 6;

/// The code in half blocks, dark on light, as any camera reads it; `None` if the text is too long.
pub(super) fn text(url: &str) -> Option<String> {
    let code = code(url)?;
    let mut renderer = code.render::<Dense1x2>();
    // A terminal is dark, and its blocks are the light modules.
    renderer.dark_color(Dense1x2::Light);
    renderer.light_color(Dense1x2::Dark);
    Some(renderer.build())
}

/// The code as a PNG of one bit a pixel; `None` if the text is too long.
pub(super) fn png(url: &str) -> Option<Vec<u8>> {
    let code = code(url)?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = (width + 2 * QUIET) * PIXELS;
    let is_light = |x: usize, y: usize| {
        let module = |at: usize| (at / PIXELS).checked_sub(QUIET).filter(|at| *at < width);
        match (module(x), module(y)) {
            (Some(x), Some(y)) => modules.get(y * width + x) == Some(&Color::Light),
            _ => true,
        }
    };
    let row = side.div_ceil(8);
    let mut data = vec![0_u8; row * side];
    for y in 0..side {
        for x in 0..side {
            if is_light(x, y)
                && let Some(octet) = data.get_mut(y * row + x / 8)
            {
                *octet |= 0x80 >> (x % 8);
            }
        }
    }
    let mut octets = Vec::new();
    let size = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut octets, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&data).ok()?;
    writer.finish().ok()?;
    Some(octets)
}

fn code(url: &str) -> Option<QrCode> {
    QrCode::with_error_correction_level(url, EcLevel::L).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a picture back as a camera would: a decoder that is not ours.
    fn read(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> String {
        let grey = |x, y| if dark(x, y) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    fn link() -> String {
        format!(
            "https://agents.org-b.test/comity/invite?_oob={}",
            "eyJ0eXAi".repeat(80)
        )
    }

    #[test]
    fn the_file_reads_as_the_link() {
        let octets = png(&link()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(octets))
            .read_info()
            .unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut data).unwrap();
        let (width, height) = (frame.width as usize, frame.height as usize);
        let dark = |x: usize, y: usize| data[y * frame.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        assert_eq!(read(width, height, dark), link());
    }

    #[test]
    fn the_terminal_reads_as_the_link_on_a_dark_screen() {
        const SCALE: usize = 4;
        let text = text(&link()).unwrap();
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let width = rows.iter().map(Vec::len).max().unwrap();
        // A block is lit where it is drawn; the screen is dark elsewhere.
        let lit = |x: usize, y: usize| {
            let block = rows[y / 2].get(x).copied().unwrap_or(' ');
            block == '█' || block == if y.is_multiple_of(2) { '▀' } else { '▄' }
        };
        let dark = |x: usize, y: usize| !lit(x / SCALE, y / SCALE);
        assert_eq!(read(width * SCALE, rows.len() * 2 * SCALE, dark), link());
    }

    #[test]
    fn what_is_too_long_is_no_code() {
        assert!(png(&"x".repeat(4_000)).is_none() && text(&"x".repeat(4_000)).is_none());
    }
}
