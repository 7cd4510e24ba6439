#!/bin/sh
# transformers 5.24.0: PeAudioModel embeds a text next to a sound, and cannot embed the same text alone.
#
# PE-AV's text embedding is the first token of the text tower's last hidden state. `forward` asks the tower for
# its hidden states; `get_text_audio_embeds`, which its documentation gives for texts alone, reads them without having
# asked, finds None, and ends in a TypeError. With `output_hidden_states` set in the text tower's own
# configuration it gives what `forward` gives.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy transformers==5.24.0
cat > "$folder/text.py" <<'END'
import torch
import transformers
from transformers import PeAudioConfig, PeAudioModel

size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
text = size | {
    "model_type": "modernbert", "vocab_size": 12, "max_position_embeddings": 16,
    "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
}
dac = {"downsampling_ratios": [4, 8, 8], "encoder_hidden_size": 8, "decoder_hidden_size": 16}
audio = size | {"head_dim": 8, "dac_config": dac}
torch.manual_seed(0)
model = PeAudioModel(PeAudioConfig(text_config=text, audio_config=audio)).eval()
words = {"input_ids": torch.tensor([[2, 4, 5, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
sound = torch.randn(1, 1, 8192)
print("transformers", transformers.__version__)
with torch.no_grad():
    both = model(input_values=sound, **words).text_audio_embeds
    print("next to a sound:", tuple(both.shape))
    try:
        model.get_text_audio_embeds(**words)
        print("alone: an embedding")
    except TypeError as error:
        print("alone: TypeError:", error)
    model.text_model.config.output_hidden_states = True
    alone = model.get_text_audio_embeds(**words)
    print("alone, asked for in the configuration: equal", torch.allclose(both, alone, atol=1e-6))
END
"$folder/venv/bin/python" "$folder/text.py" 2> /dev/null | tee "$folder/seen"
grep -q "^next to a sound: (1, " "$folder/seen"
grep -q "^alone: TypeError: 'NoneType' object is not subscriptable" "$folder/seen"
grep -q "^alone, asked for in the configuration: equal True" "$folder/seen"
