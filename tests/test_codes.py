"""The codes of a quantized base: bits a weight as the papers count them, errors in their order."""

import pytest

import finetune_lab as lab


@pytest.fixture(scope="module")
def codes():
    found = lab.compare_codes("lab-base")
    assert len(found.codes) == 6
    return {code.name: code for code in found.codes}


def test_bits_are_those_of_the_papers(codes):
    assert codes["NF4"].bits == 4.5  # 4 + 32/64, QLoRA, section 3
    assert codes["FP4"].bits == 4.5
    assert codes["NF4, double quantization"].bits == pytest.approx(4.127, abs=0.0005)  # 4 + 8/64 + 32/(64 * 256)
    assert codes["8-bit"].bits == pytest.approx(8 + 32 / 256, abs=0.1)  # a scale a row, of 256 or 704 weights
    assert (codes["float32"].bits, codes["bfloat16"].bits) == (32, 16)


def test_nf4_moves_the_weights_less_than_fp4_and_eight_bits_least(codes):
    assert 0 == codes["float32"].error < codes["8-bit"].error < codes["NF4"].error < codes["FP4"].error
    assert codes["NF4"].error == pytest.approx(codes["NF4, double quantization"].error, rel=0.05)
    assert 0.05 < codes["NF4"].error < 0.15


def test_the_output_layer_is_left_out_and_all_others_are_counted(codes):
    blocks = 6 * (4 * 256 * 256 + 3 * 256 * 704)
    assert codes["NF4"].weights == blocks
    assert "4,816,896" in repr(lab.compare_codes("lab-base"))
