//! Reading rule files of 1,000 to 1,000,000 lines (RULES-14), beside a baseline that only cuts the text into lines and fields.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rolegate::RuleSet;
use rolegate_bench::rule_file;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.sample_size(10);
    for lines in [1_000, 10_000, 100_000, 1_000_000] {
        let text = rule_file(lines);
        group.throughput(Throughput::Elements(u64::try_from(lines).unwrap_or(u64::MAX)));
        group.bench_with_input(BenchmarkId::new("lines-and-fields", lines), &text, |bencher, text| {
            bencher.iter(|| fields(black_box(text)));
        });
        group.bench_with_input(BenchmarkId::new("rolegate", lines), &text, |bencher, text| {
            bencher.iter_with_large_drop(|| RuleSet::parse(black_box(text.as_bytes())));
        });
    }
    group.finish();
}

/// The baseline: nothing but the fields of every line, each list of them kept as long as its line.
fn fields(text: &str) -> usize {
    text.lines().map(|line| black_box(line.split([' ', '\t']).collect::<Vec<_>>()).len()).sum()
}

criterion_group!(benches, parse);
criterion_main!(benches);
