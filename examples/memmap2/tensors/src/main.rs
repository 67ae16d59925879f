//! Writes a small model as safetensors files, maps them as candle does with any model, and computes with it.
//!
//! All numbers are whole and small enough for `f32` to add them without rounding: the results are the same in whatever order a machine adds.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use candle_core::safetensors::{MmapedSafetensors, save};
use candle_core::{D, DType, Device, Result, Tensor};

/// Layers, and the width of each.
const WIDTHS: [usize; 4] = [512, 2048, 1024, 10];
/// How many inputs are computed at once.
const BATCH: usize = 24;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::args().nth(1) else {
        return Err("usage: tensors FOLDER; the model goes there".into());
    };
    let files = write(Path::new(&folder))?;
    // SAFETY: nobody changes the files once they are written.
    let model = unsafe { MmapedSafetensors::multi(&files) }?;
    let mut names: Vec<_> = model.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
    names.sort();
    for (name, shape) in names {
        println!("{name} {shape:?}");
    }

    let device = Device::Cpu;
    let mut values = numbers(1, (BATCH, WIDTHS[0]))?;
    for layer in 0..WIDTHS.len() - 1 {
        let weight = model.load(&format!("layer{layer}.weight"), &device)?;
        let bias = model.load(&format!("layer{layer}.bias"), &device)?;
        values = values.matmul(&weight.t()?)?.broadcast_add(&bias)?.relu()?;
        println!("after layer {layer}: sum {}, largest {}", sum(&values)?, values.max_all()?.to_scalar::<f32>()?);
        // Small again, without rounding.
        values = (&values - (&values / 16.0)?.floor()?.affine(16.0, 0.0)?)?;
    }
    println!("classes {:?}", values.argmax(D::Minus1)?.to_vec1::<u32>()?);
    println!("first row {:?}", values.get(0)?.to_vec1::<f32>()?);
    Ok(())
}

/// One file for each layer.
fn write(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (layer, widths) in WIDTHS.windows(2).enumerate() {
        let seed = 10 + layer as u32;
        let tensors = HashMap::from([
            (format!("layer{layer}.weight"), numbers(seed, (widths[1], widths[0]))?),
            (format!("layer{layer}.bias"), numbers(seed + 100, widths[1])?),
        ]);
        let file = folder.join(format!("layer{layer}.safetensors"));
        save(&tensors, &file)?;
        files.push(file);
    }
    Ok(files)
}

/// Whole numbers from -8 to 7, of a xorshift generator.
fn numbers(seed: u32, shape: impl Into<candle_core::Shape>) -> Result<Tensor> {
    let shape = shape.into();
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let numbers: Vec<f32> = (0..shape.elem_count())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ((state >> 20) & 15) as f32 - 8.0
        })
        .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu)
}

/// Exact, in 64 bits.
fn sum(values: &Tensor) -> Result<f64> {
    values.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()
}
