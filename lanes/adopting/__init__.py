"""What manifests without lanes need to get them: values for the chart, and patches."""
