-- A Rack, written by its pod: Healthy once that has reported. Whether it is alive its Lease says, and so its Zone.
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end

local status = obj.status or {}
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The rack has not reported yet" }
end

local message = "It serves the zone " .. obj.spec.zone
for _, image in ipairs(status.images or {}) do
  if image.state == "Failed" then
    message = message .. "; it cannot get " .. image.digest .. ": " .. (image.message or "")
  end
end
return { status = "Healthy", message = message }
